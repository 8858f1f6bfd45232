package local

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/metrics/pkg/apis/custom_metrics"
	adapter "sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
)

// The metric's name, and the label by which Envoy Gateway tells whose gateway a proxy is.
const (
	requestsMetric = "requests-per-second"
	gatewayLabel   = "gateway.envoyproxy.io/owning-gateway-namespace"
)

var (
	served = provider.CustomMetricInfo{
		GroupResource: schema.GroupResource{Resource: "services"}, Namespaced: true, Metric: requestsMetric,
	}
	httpRoutes = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
)

// NewRequestsCommand serves the custom metrics API: how many requests a second come to each Service through the
// gateway, as its proxies counted them.
func NewRequestsCommand(ctx context.Context) *cobra.Command {
	base := &adapter.AdapterBase{Name: "gateway-metrics"}
	var namespace string
	command := &cobra.Command{Use: "gateway-metrics", SilenceUsage: true, Args: cobra.NoArgs}
	base.FlagSet = command.Flags()
	base.InstallFlags()
	command.Flags().StringVar(&namespace, "proxies", "", "namespace of the gateway's proxies")
	command.RunE = func(*cobra.Command, []string) error {
		client, err := base.DynamicClient()
		if err != nil {
			return err
		}
		counted := newCounter(client, namespace)
		base.WithCustomMetrics(&requests{client, counted})
		go counted.run(ctx)
		return base.Run(ctx)
	}
	return command
}

// requests answers for the one metric there is (provider.CustomMetricsProvider).
type requests struct {
	client  dynamic.Interface
	counted *counter
}

func (r *requests) ListAllMetrics() []provider.CustomMetricInfo {
	return []provider.CustomMetricInfo{served}
}

// GetMetricByName gives an error where nothing is known, never a zero: by one the autoscaler would take pods away.
func (r *requests) GetMetricByName(
	ctx context.Context, name types.NamespacedName, info provider.CustomMetricInfo, _ labels.Selector,
) (*custom_metrics.MetricValue, error) {
	if info != served {
		return nil, provider.NewMetricNotFoundForError(info.GroupResource, info.Metric, name.Name)
	}
	routes, err := r.client.Resource(httpRoutes).Namespace(name.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	clusters := leadingTo(name.Name, routes.Items)
	if len(clusters) == 0 {
		return nil, apierrors.NewNotFound(served.GroupResource, name.Name+", to which no HTTPRoute leads")
	}
	rate, at, err := r.counted.rate(name.Namespace, clusters)
	if err != nil {
		return nil, apierrors.NewServiceUnavailable(err.Error())
	}
	seconds := int64(window / time.Second)
	return &custom_metrics.MetricValue{
		DescribedObject: custom_metrics.ObjectReference{
			APIVersion: "v1", Kind: "Service", Namespace: name.Namespace, Name: name.Name,
		},
		Metric:        custom_metrics.MetricIdentifier{Name: requestsMetric},
		Timestamp:     metav1.NewTime(at),
		WindowSeconds: &seconds,
		Value:         *resource.NewMilliQuantity(int64(rate*1000), resource.DecimalSI),
	}, nil
}

func (r *requests) GetMetricBySelector(
	_ context.Context, _ string, _ labels.Selector, info provider.CustomMetricInfo, _ labels.Selector,
) (*custom_metrics.MetricValueList, error) {
	return nil, provider.NewMetricNotFoundError(info.GroupResource, info.Metric+" of Services chosen by labels")
}

// leadingTo names the Envoy clusters of all backends that are this Service: Envoy Gateway calls one after the places
// of rule and backend in its route.
func leadingTo(service string, routes []unstructured.Unstructured) map[string]bool {
	found := map[string]bool{}
	for _, route := range routes {
		rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
		for i, rule := range rules {
			refs, _, _ := unstructured.NestedSlice(rule.(map[string]any), "backendRefs")
			for j, ref := range refs {
				to := ref.(map[string]any)
				if kind, named := to["kind"]; (!named || kind == "Service") && to["name"] == service {
					name := "httproute/%s/%s/rule/%d/backend/%d"
					found[fmt.Sprintf(name, route.GetNamespace(), route.GetName(), i, j)] = true
				}
			}
		}
	}
	return found
}
