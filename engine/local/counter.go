package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/klog/v2"
)

const (
	// Between two readings of the proxies, over what a rate is made, and how old the last reading may be.
	reading = 3 * time.Second
	window  = 15 * time.Second
	stale   = 10 * time.Second
	// How long a proxy may take to answer, and how much it may say.
	patience = 2 * time.Second
	answer   = 16 << 20
	// Envoy Gateway's stats listener.
	statistics = "19001"
)

var (
	pods  = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	query = "/stats/prometheus?usedonly&filter=" + url.QueryEscape(`^cluster\.httproute/.+\.upstream_rq_completed$`)
	line  = regexp.MustCompile(`^envoy_cluster_upstream_rq_completed\{(?:[^}]*,)?envoy_cluster_name="([^"]+)"[^}]*\} ([0-9]+)$`)
)

// counts is what one proxy counted since it began, by Envoy cluster.
type counts map[string]uint64

// look is what all proxies of one gateway, by pod, had counted at one time.
type look struct {
	at      time.Time
	proxies map[string]counts
}

// counter keeps the looks of the last moments, by the gateway's namespace.
type counter struct {
	client    dynamic.Interface
	namespace string
	http      *http.Client
	mutex     sync.Mutex
	looks     map[string][]look
}

func newCounter(client dynamic.Interface, namespace string) *counter {
	// No proxy of the environment stands between this and the pods.
	plain := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	return &counter{client: client, namespace: namespace, http: plain, looks: map[string][]look{}}
}

func (c *counter) run(ctx context.Context) {
	ticker := time.NewTicker(reading)
	defer ticker.Stop()
	for {
		if err := c.look(ctx); err != nil {
			klog.ErrorS(err, "the gateway's proxies cannot be listed")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look reads every gateway. One of whose ready proxies one does not answer is not seen: its rate would be too low.
func (c *counter) look(ctx context.Context) error {
	listed, err := c.client.Resource(pods).Namespace(c.namespace).List(ctx, metav1.ListOptions{LabelSelector: gatewayLabel})
	if err != nil {
		return err
	}
	gateways := map[string][]unstructured.Unstructured{}
	for _, pod := range listed.Items {
		if ready(pod) {
			gateways[pod.GetLabels()[gatewayLabel]] = append(gateways[pod.GetLabels()[gatewayLabel]], pod)
		}
	}
	var all sync.WaitGroup
	for gateway, proxies := range gateways {
		all.Go(func() {
			seen, err := c.read(ctx, proxies)
			if err != nil {
				klog.ErrorS(err, "a gateway is not read", "namespace", gateway)
				return
			}
			c.keep(gateway, look{time.Now(), seen})
		})
	}
	all.Wait()
	return nil
}

// keep forgets what lies before the window.
func (c *counter) keep(gateway string, seen look) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	kept := append(c.looks[gateway], seen)
	for seen.at.Sub(kept[0].at) > window {
		kept = kept[1:]
	}
	c.looks[gateway] = kept
}

func (c *counter) read(ctx context.Context, proxies []unstructured.Unstructured) (map[string]counts, error) {
	found := map[string]counts{}
	for _, pod := range proxies {
		address, _, _ := unstructured.NestedString(pod.Object, "status", "podIP")
		told, err := c.ask(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", pod.GetName(), err)
		}
		found[string(pod.GetUID())] = told
	}
	return found, nil
}

func (c *counter) ask(ctx context.Context, address string) (counts, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(address, statistics)+query, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return parse(io.LimitReader(response.Body, answer))
}

func parse(text io.Reader) (counts, error) {
	found, lines := counts{}, bufio.NewScanner(text)
	for lines.Scan() {
		if told := line.FindStringSubmatch(lines.Text()); told != nil {
			number, err := strconv.ParseUint(told[2], 10, 64)
			if err != nil {
				return nil, err
			}
			found[told[1]] = number
		}
	}
	return found, lines.Err()
}

// rate gives the requests a second that came to these Envoy clusters together, and when the last of them was seen.
func (c *counter) rate(gateway string, clusters map[string]bool) (float64, time.Time, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	looks := c.looks[gateway]
	if len(looks) < 2 || time.Since(looks[len(looks)-1].at) > stale {
		return 0, time.Time{}, errors.New("the gateway's proxies were not read lately")
	}
	var sum uint64
	for i, later := range looks[1:] {
		for proxy, now := range later.proxies {
			// When a proxy that was not seen before counted what it tells is not known.
			if before, known := looks[i].proxies[proxy]; known {
				sum += risen(before, now, clusters)
			}
		}
	}
	last := looks[len(looks)-1].at
	return float64(sum) / last.Sub(looks[0].at).Seconds(), last, nil
}

// risen counts from 0 where a proxy began anew.
func risen(before, now counts, clusters map[string]bool) (sum uint64) {
	for cluster := range clusters {
		if now[cluster] >= before[cluster] {
			sum += now[cluster] - before[cluster]
		} else {
			sum += now[cluster]
		}
	}
	return sum
}

func ready(pod unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, each := range conditions {
		condition := each.(map[string]any)
		if condition["type"] == "Ready" {
			return condition["status"] == "True" && pod.GetDeletionTimestamp() == nil
		}
	}
	return false
}
