// Package local is what a cloud would provide, on one machine: addresses for
// Services of type LoadBalancer, and persistent volumes.
package local

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/app"
	"k8s.io/cloud-provider/app/config"
	"k8s.io/cloud-provider/names"
	"k8s.io/cloud-provider/options"
	cliflag "k8s.io/component-base/cli/flag"
)

const providerName = "seaway"

// NewLoadBalancerCommand is a cloud-controller-manager that gives every
// Service of type LoadBalancer an address.
//
// The address is the Service's cluster IP moved from --service-cidr's network
// to --load-balancer-cidr's: it needs no store, two Services can never share
// one, and asking again gives the same answer. kube-proxy makes it work.
func NewLoadBalancerCommand() *cobra.Command {
	opts, err := options.NewCloudControllerManagerOptions()
	if err != nil {
		panic(err)
	}
	balancer := &loadBalancer{}
	cloudprovider.RegisterCloudProvider(providerName, func(io.Reader) (cloudprovider.Interface, error) {
		return cloud{balancer}, nil
	})
	sets := cliflag.NamedFlagSets{}
	own := sets.FlagSet("local")
	own.Func("service-cidr", "range of the cluster IPs", prefix(&balancer.services))
	own.Func("load-balancer-cidr", "range of the load balancer addresses, as large as --service-cidr", prefix(&balancer.addresses))
	only := map[string]app.ControllerInitFuncConstructor{
		names.ServiceLBController: app.DefaultInitFuncConstructors[names.ServiceLBController],
	}
	start := func(c *config.CompletedConfig) cloudprovider.Interface {
		provider, err := cloudprovider.InitCloudProvider(c.ComponentConfig.KubeCloudShared.CloudProvider.Name, "")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return provider
	}
	return app.NewCloudControllerManagerCommand(opts, start, only, names.CCMControllerAliases(), sets, wait.NeverStop)
}

func prefix(into *netip.Prefix) func(string) error {
	return func(text string) (err error) {
		*into, err = netip.ParsePrefix(text)
		return err
	}
}

type loadBalancer struct{ services, addresses netip.Prefix }

func (b *loadBalancer) address(service *v1.Service) (*v1.LoadBalancerStatus, error) {
	ip, err := netip.ParseAddr(service.Spec.ClusterIP)
	if err != nil || !b.services.Contains(ip) {
		return nil, fmt.Errorf("service %s/%s: cluster IP %q is not in %s", service.Namespace, service.Name, service.Spec.ClusterIP, b.services)
	}
	host, base := ip.As4(), b.addresses.Masked().Addr().As4()
	mask := ^uint32(0) >> b.services.Bits()
	for i := range host {
		host[i] = base[i] | host[i]&byte(mask>>(24-8*i))
	}
	return &v1.LoadBalancerStatus{Ingress: []v1.LoadBalancerIngress{{IP: netip.AddrFrom4(host).String()}}}, nil
}

func (b *loadBalancer) GetLoadBalancer(_ context.Context, _ string, s *v1.Service) (*v1.LoadBalancerStatus, bool, error) {
	status, err := b.address(s)
	return status, err == nil, err
}

func (b *loadBalancer) GetLoadBalancerName(_ context.Context, _ string, s *v1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(s)
}

func (b *loadBalancer) EnsureLoadBalancer(_ context.Context, _ string, s *v1.Service, _ []*v1.Node) (*v1.LoadBalancerStatus, error) {
	return b.address(s)
}

func (b *loadBalancer) UpdateLoadBalancer(context.Context, string, *v1.Service, []*v1.Node) error {
	return nil
}

func (b *loadBalancer) EnsureLoadBalancerDeleted(context.Context, string, *v1.Service) error {
	return nil
}

// cloud has load balancers and nothing else (k8s.io/cloud-provider Interface).
type cloud struct{ balancer *loadBalancer }

func (c cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool)                { return c.balancer, true }
func (cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return nil, false }
func (cloud) Zones() (cloudprovider.Zones, bool)                                { return nil, false }
func (cloud) Clusters() (cloudprovider.Clusters, bool)                          { return nil, false }
func (cloud) Routes() (cloudprovider.Routes, bool)                              { return nil, false }
func (cloud) ProviderName() string                                              { return providerName }
func (cloud) HasClusterID() bool                                                { return true }
