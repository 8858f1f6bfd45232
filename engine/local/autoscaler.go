package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"time"

	"github.com/awslabs/operatorpkg/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	v1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"
	"sigs.k8s.io/karpenter/pkg/utils/resources"
)

const (
	// Pods that end leave the API a moment after they left the node.
	lastPods = 3 * time.Second
	// A node boots again by itself; one that did not within this time is replaced.
	unhealthy = time.Minute
)

// nodes is what Karpenter asks of a cloud (cloudprovider.CloudProvider), for nodes of this machine. It keeps
// nothing: what there is the keeper knows.
type nodes struct {
	keeper keeper
	client client.Client
}

// Create may be called again for the same claim, when Karpenter lost the answer: it gets the same node.
func (n *nodes) Create(ctx context.Context, claim *v1.NodeClaim) (*v1.NodeClaim, error) {
	sizes, err := n.keeper.sizes(ctx)
	if err != nil {
		return nil, err
	}
	size, err := cheapest(sizes, claim)
	if err != nil {
		return nil, cloudprovider.NewInsufficientCapacityError(err)
	}
	made, err := n.keeper.make(ctx, claim.Name, size)
	if errors.Is(err, errNoRoom) {
		return nil, cloudprovider.NewInsufficientCapacityError(err)
	}
	if err != nil {
		return nil, err
	}
	return launched(made, sizes)
}

// Delete returns once nothing is left of the node, and says so: then Karpenter does not ask again.
func (n *nodes) Delete(ctx context.Context, claim *v1.NodeClaim) error {
	if claim.Status.NodeName != "" {
		n.awaitPods(ctx, claim.Status.NodeName)
	}
	if err := n.keeper.remove(ctx, claim.Name); err != nil && !errors.Is(err, errGone) {
		return err
	}
	return cloudprovider.NewNodeClaimNotFoundError(fmt.Errorf("%s is gone", claim.Name))
}

// awaitPods gives the kubelet a moment to tell the end of the node's last pods: without it they would stay
// Terminating until they are collected.
func (n *nodes) awaitPods(ctx context.Context, node string) {
	for end := time.Now().Add(lastPods); time.Now().Before(end); time.Sleep(lastPods / 30) {
		pods := &corev1.PodList{}
		if err := n.client.List(ctx, pods, client.MatchingFields{"spec.nodeName": node}); err != nil || len(pods.Items) == 0 {
			return
		}
	}
}

func (n *nodes) Get(ctx context.Context, providerID string) (*v1.NodeClaim, error) {
	all, err := n.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, claim := range all {
		if claim.Status.ProviderID == providerID {
			return claim, nil
		}
	}
	return nil, cloudprovider.NewNodeClaimNotFoundError(fmt.Errorf("%s is not there", providerID))
}

func (n *nodes) List(ctx context.Context) (all []*v1.NodeClaim, err error) {
	sizes, err := n.keeper.sizes(ctx)
	if err != nil {
		return nil, err
	}
	made, err := n.keeper.nodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, each := range made {
		claim, err := launched(each, sizes)
		if err != nil {
			return nil, err
		}
		all = append(all, claim)
	}
	return all, nil
}

// GetInstanceTypes gives every size; one for which this machine has no room now is not available, so that its
// pods stay pending and no claim is made in vain.
func (n *nodes) GetInstanceTypes(ctx context.Context, _ *v1.NodePool) (all []*cloudprovider.InstanceType, err error) {
	sizes, err := n.keeper.sizes(ctx)
	for _, size := range sizes {
		all = append(all, size.instanceType())
	}
	return all, err
}

func (n *nodes) IsDrifted(context.Context, *v1.NodeClaim) (cloudprovider.DriftReason, error) {
	return "", nil
}

func (n *nodes) RepairPolicies() []cloudprovider.RepairPolicy {
	return []cloudprovider.RepairPolicy{
		{ConditionType: corev1.NodeReady, ConditionStatus: corev1.ConditionFalse, TolerationDuration: unhealthy},
		{ConditionType: corev1.NodeReady, ConditionStatus: corev1.ConditionUnknown, TolerationDuration: unhealthy},
	}
}

func (n *nodes) Name() string { return providerName }

func (n *nodes) GetSupportedNodeClasses() []status.Object { return []status.Object{&LocalNodeClass{}} }

// cheapest chooses the size for a claim.
func cheapest(sizes []nodeSize, claim *v1.NodeClaim) (string, error) {
	wanted := scheduling.NewNodeSelectorRequirementsWithMinValues(claim.Spec.Requirements...)
	var found *nodeSize
	lack := "no size is large enough"
	for i, size := range sizes {
		kind := size.instanceType()
		switch {
		case !wanted.IsCompatible(kind.Requirements, scheduling.AllowUndefinedWellKnownLabels):
		case !resources.Fits(claim.Spec.Resources.Requests, kind.Allocatable()):
		case size.Lack != "":
			lack = size.Lack
		case found == nil || size.Price < found.Price:
			found = &sizes[i]
		}
	}
	if found == nil {
		return "", errors.New(lack)
	}
	return found.Name, nil
}

// launched tells Karpenter what became of a claim.
func launched(made madeNode, sizes []nodeSize) (*v1.NodeClaim, error) {
	for _, size := range sizes {
		if size.Name != made.Size {
			continue
		}
		kind := size.instanceType()
		delete(kind.Capacity, resources.Node) // no kubelet tells it
		return &v1.NodeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: made.Claim, Labels: size.labels()},
			Status: v1.NodeClaimStatus{
				ProviderID: made.ProviderID, NodeName: made.Name,
				Capacity: kind.Capacity, Allocatable: kind.Allocatable(),
			},
		}, nil
	}
	return nil, fmt.Errorf("node %s has the size %q, which is none", made.Name, made.Size)
}

func (s nodeSize) labels() map[string]string {
	all := map[string]string{
		corev1.LabelArchStable:  runtime.GOARCH,
		corev1.LabelOSStable:    string(corev1.Linux),
		v1.CapacityTypeLabelKey: v1.CapacityTypeOnDemand,
	}
	maps.Copy(all, s.Labels)
	return all
}

func (s nodeSize) instanceType() *cloudprovider.InstanceType {
	bytes := func(n int64) resource.Quantity { return *resource.NewQuantity(n, resource.BinarySI) }
	place := scheduling.NewLabelRequirements(map[string]string{
		corev1.LabelTopologyZone: s.Labels[corev1.LabelTopologyZone],
		v1.CapacityTypeLabelKey:  v1.CapacityTypeOnDemand,
	})
	return &cloudprovider.InstanceType{
		Name:         s.Name,
		Requirements: scheduling.NewLabelRequirements(s.labels()),
		Offerings:    cloudprovider.Offerings{{Requirements: place, Price: s.Price, Available: s.Lack == ""}},
		Capacity: corev1.ResourceList{
			corev1.ResourceCPU:              *resource.NewQuantity(s.CPUs, resource.DecimalSI),
			corev1.ResourceMemory:           bytes(s.Memory),
			corev1.ResourceEphemeralStorage: bytes(s.Disk),
			corev1.ResourcePods:             *resource.NewQuantity(s.Pods, resource.DecimalSI),
			// By this Karpenter keeps a NodePool's limit of nodes also within one batch of pods.
			resources.Node: resource.MustParse("1"),
		},
		Overhead: &cloudprovider.InstanceTypeOverhead{
			SystemReserved:    corev1.ResourceList{corev1.ResourceMemory: bytes(s.Reserved)},
			EvictionThreshold: corev1.ResourceList{corev1.ResourceMemory: bytes(s.Eviction)},
		},
	}
}
