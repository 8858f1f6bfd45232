package local

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
)

// NewSentinelCommand ends once the API server has been silent for `patience`,
// and with it the controllers that share its process.
//
// Several controller managers would elect a leader, which ends where it cannot
// renew its lease. One alone stays, and at the end of an outage it would find
// every node silent for too long and take all pods out of their Services,
// before the kubelets can say a word. A new one gives each node its full time.
func NewSentinelCommand(ctx context.Context) *cobra.Command {
	var kubeconfig string
	var patience time.Duration
	c := &cobra.Command{
		Use:  "sentinel",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := discovery.NewDiscoveryClientForConfig(config)
			if err != nil {
				return err
			}
			return watch(ctx, client, patience)
		},
	}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	c.Flags().DurationVar(&patience, "patience", 15*time.Second, "how long the API server may be silent")
	return c
}

func watch(ctx context.Context, client *discovery.DiscoveryClient, patience time.Duration) error {
	heard := time.Now()
	for {
		asked, cancel := context.WithTimeout(ctx, patience/2)
		err := client.RESTClient().Get().AbsPath("/livez").Do(asked).Error()
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			heard = time.Now()
		case time.Since(heard) > patience:
			return fmt.Errorf("the API server has been silent for %s: %w", time.Since(heard).Round(time.Second), err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(patience / 10):
		}
	}
}
