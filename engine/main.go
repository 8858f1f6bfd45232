// The engine is one binary with many names: it runs the Kubernetes component whose name it is called by.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	"github.com/coredns/coredns/coremain"
	"github.com/distribution/distribution/v3/registry"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	metrics "sigs.k8s.io/metrics-server/cmd/metrics-server/app"

	"seaway.dev/engine/local"
)

// A component runs until it fails or is told to end.
type component func(args []string) error

var components = map[string]component{
	"etcd": func(args []string) error { etcdmain.Main(append([]string{"etcd"}, args...)); return nil },
	"coredns": func(args []string) error {
		os.Args = append([]string{"coredns"}, args...) // it reads nothing else
		coremain.Run()
		return nil
	},
	"registry": func(args []string) error {
		registry.RootCmd.SetArgs(args)
		return registry.RootCmd.Execute()
	},
	"kube-apiserver":          command(apiserver.NewAPIServerCommand),
	"kube-controller-manager": command(controllers.NewControllerManagerCommand),
	"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kube-proxy":              command(proxy.NewProxyCommand),
	// The kubelet sets up its signals itself, and a second set-up would panic.
	"kubelet":                  command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"metrics-server":           command(func() *cobra.Command { return metrics.NewMetricsServerCommand(ending().Done()) }),
	"cloud-controller-manager": command(local.NewLoadBalancerCommand),
	"storage-provisioner":      command(func() *cobra.Command { return local.NewStorageCommand(ending()) }),
	"sentinel":                 command(func() *cobra.Command { return local.NewSentinelCommand(ending()) }),
	"gateway-metrics":          command(func() *cobra.Command { return local.NewRequestsCommand(ending()) }),
	// Karpenter wants a process of its own: it takes the command line, and sets klog's logger for all.
	"karpenter": local.RunKarpenter,
	"chart":     command(local.NewChartCommand),
}

// ending is over once the process is told to end. Kubernetes' own set-up of
// signals can be done once a process: it is left to the components that insist.
var ending = sync.OnceValue(func() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	return ctx
})

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "engine" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	wanted := split(append([]string{name}, args...))
	for _, argv := range wanted {
		if components[argv[0]] == nil {
			names := slices.Sorted(maps.Keys(components))
			fmt.Fprintf(os.Stderr, "engine: unknown component %q; one of: %s\n", argv[0], strings.Join(names, ", "))
			os.Exit(2)
		}
	}
	// Components that share a process may each apply the same logging options.
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	if err := together(wanted); err != nil {
		fmt.Fprintf(os.Stderr, "engine: %v\n", err)
		os.Exit(1)
	}
}

// split cuts a command line at each "+": `kubelet --config=F + kube-proxy --config=G`.
func split(argv []string) (all [][]string) {
	for {
		end := slices.Index(argv, "+")
		if end < 0 || end == len(argv)-1 {
			return append(all, argv)
		}
		all, argv = append(all, argv[:end]), argv[end+1:]
	}
}

// together runs components in one process, which holds the binary's pages and
// what its packages set up once for all of them. The first to end ends all.
// CoreDNS wants a process of its own: it leads klog into Go's log package, and
// the others lead that into klog.
func together(wanted [][]string) error {
	ended := make(chan error)
	for _, argv := range wanted {
		go func() {
			err := components[argv[0]](argv[1:])
			if err != nil {
				err = fmt.Errorf("%s: %w", argv[0], err)
			}
			ended <- err
		}()
	}
	return <-ended
}

func command(build func() *cobra.Command) component {
	return func(args []string) error {
		c := build()
		c.SetArgs(args)
		return cli.RunNoErrOutput(c)
	}
}
