package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// keeper makes and removes nodes of this machine: Seaway's own program for it, behind a Unix socket, so that
// nodes which the autoscaler adds are made by the same code as those that a person adds.
type keeper struct{ client *http.Client }

// A nodeSize is what the keeper tells of small, medium or large. Lack says why no node of it can be made now.
type nodeSize struct {
	Name     string            `json:"name"`
	CPUs     int64             `json:"cpus"`
	Memory   int64             `json:"memory"`   // bytes, all that the node sees
	Reserved int64             `json:"reserved"` // bytes of it for the node's own programs
	Eviction int64             `json:"eviction"` // bytes of it that are kept free
	Disk     int64             `json:"disk"`     // bytes
	Pods     int64             `json:"pods"`
	Price    float64           `json:"price"` // US dollars an hour
	Labels   map[string]string `json:"labels"`
	Lack     string            `json:"lack"`
}

// A madeNode is a node that was made for a claim.
type madeNode struct {
	Claim      string `json:"claim"`
	Name       string `json:"name"`
	Size       string `json:"size"`
	ProviderID string `json:"provider_id"`
}

var (
	errNoRoom = errors.New("no room")
	errGone   = errors.New("not there")
)

func newKeeper(socket string) keeper {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return keeper{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: time.Minute}}
}

func (k keeper) sizes(ctx context.Context) (all []nodeSize, err error) {
	return all, k.ask(ctx, http.MethodGet, "/sizes", nil, &all)
}

func (k keeper) nodes(ctx context.Context) (all []madeNode, err error) {
	return all, k.ask(ctx, http.MethodGet, "/nodes", nil, &all)
}

// make gives the claim its node, the one that it has already where it has one. Fails with errNoRoom.
func (k keeper) make(ctx context.Context, claim, size string) (node madeNode, err error) {
	wanted := map[string]string{"size": size}
	return node, k.ask(ctx, http.MethodPut, "/nodes/"+url.PathEscape(claim), wanted, &node)
}

// remove ends the claim's node; on return nothing is left of it. Fails with errGone where there is none.
func (k keeper) remove(ctx context.Context, claim string) error {
	return k.ask(ctx, http.MethodDelete, "/nodes/"+url.PathEscape(claim), nil, nil)
}

func (k keeper) ask(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://keeper"+path, content)
	if err != nil {
		return err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	switch response.StatusCode {
	case http.StatusOK:
		if answer == nil {
			return nil
		}
		return json.Unmarshal(text, answer)
	case http.StatusNotFound:
		return fmt.Errorf("%w: %s", errGone, text)
	case http.StatusInsufficientStorage:
		return fmt.Errorf("%w: %s", errNoRoom, text)
	}
	return fmt.Errorf("the keeper answered %s: %s", response.Status, text)
}
