package local

import (
	"strings"
	"testing"
	"time"
)

var wanted = map[string]bool{"a": true, "b": true}

func seen(looks ...look) *counter {
	c := newCounter(nil, "")
	for _, each := range looks {
		c.keep("shop", each)
	}
	return c
}

func at(ago time.Duration, proxies map[string]counts) look {
	return look{time.Now().Add(-ago), proxies}
}

func TestARateIsMadeOfWhatRoseSinceEachProxyWasKnown(t *testing.T) {
	got, _, err := seen(
		at(30*time.Second, map[string]counts{"old": {"a": 0}}), // before the window
		at(10*time.Second, map[string]counts{"old": {"a": 100}}),
		at(5*time.Second, map[string]counts{"old": {"a": 5, "z": 9}, "new": {"a": 1000}}), // the old one began anew
		at(0, map[string]counts{"old": {"a": 15, "b": 8}, "new": {"a": 1030}}),
	).rate("shop", wanted)
	if err != nil || got < 5.29 || got > 5.31 { // 5 + 10 + 8 + 30 in 10 s
		t.Fatal(got, err)
	}
}

func TestWithoutTwoFreshLooksThereIsNoRate(t *testing.T) {
	told := map[string]counts{"one": {"a": 1}}
	for _, c := range []*counter{
		seen(), seen(at(0, told)), seen(at(14*time.Second, told), at(11*time.Second, told)),
	} {
		if rate, _, err := c.rate("shop", wanted); err == nil {
			t.Fatal(rate)
		}
	}
}

func TestOnlyCompletedRequestsAreRead(t *testing.T) {
	text := `# TYPE envoy_cluster_upstream_rq_completed counter
envoy_cluster_upstream_rq_completed{envoy_cluster_name="httproute/shop/one/rule/0/backend/1"} 12
envoy_cluster_upstream_rq_total{envoy_cluster_name="httproute/shop/one/rule/0/backend/1"} 13
`
	found, err := parse(strings.NewReader(text))
	if err != nil || len(found) != 1 || found["httproute/shop/one/rule/0/backend/1"] != 12 {
		t.Fatal(found, err)
	}
}
