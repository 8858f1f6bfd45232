package local

import (
	"context"
	"flag"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	v1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/operator"
	"sigs.k8s.io/karpenter/pkg/operator/options"
)

// How often nodes are looked for whose claim is gone.
const sweeping = 10 * time.Second

// RunKarpenter runs Karpenter, unchanged, with this machine as its cloud. It reads its flags and those of
// Karpenter from the process's own command line, and the cluster's address from KUBECONFIG.
func RunKarpenter(args []string) error {
	os.Args = append([]string{"karpenter"}, args...)
	place := &keeperFlag{}
	options.Injectables = append(options.Injectables, place)
	ctx, op := operator.NewOperator()
	cloud := &nodes{newKeeper(place.socket), op.GetClient()}
	sweeper := manager.RunnableFunc(func(ctx context.Context) error { return cloud.sweep(ctx, op.GetAPIReader()) })
	if err := op.Add(sweeper); err != nil {
		return err
	}
	decorated := overlay.Decorate(cloud, op.GetClient(), op.InstanceTypeStore)
	cluster := state.NewCluster(op.Clock, op.GetClient(), decorated)
	op.WithControllers(ctx, controllers.NewControllers(ctx, op.Manager, op.Clock, op.GetClient(), op.EventRecorder,
		decorated, cloud, cluster, op.InstanceTypeStore)...).Start(ctx)
	return nil
}

// keeperFlag is one flag more on Karpenter's command line (options.Injectable).
type keeperFlag struct{ socket string }

func (k *keeperFlag) AddFlags(flags *options.FlagSet) {
	flags.StringVar(&k.socket, "keeper", "", "the socket of the program that makes nodes")
}

func (k *keeperFlag) Parse(flags *options.FlagSet, args ...string) error {
	if err := flags.Parse(args); err != nil && err != flag.ErrHelp {
		return err
	}
	return nil
}

func (k *keeperFlag) ToContext(ctx context.Context) context.Context { return ctx }

// sweep removes nodes whose claim is gone. Karpenter ends a claim without a word to the cloud where it never
// learnt that its node was made: when it died in that moment, and the claim was deleted before it was back.
func (n *nodes) sweep(ctx context.Context, api client.Reader) error {
	for {
		made, err := n.keeper.nodes(ctx)
		if err != nil {
			log.FromContext(ctx).Error(err, "the keeper does not answer")
		}
		for _, each := range made {
			err := api.Get(ctx, client.ObjectKey{Name: each.Claim}, &v1.NodeClaim{})
			if !apierrors.IsNotFound(err) {
				continue
			}
			log.FromContext(ctx).Info("removing a node that nobody claims", "node", each.Name, "claim", each.Claim)
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: each.Name}}
			if err := n.keeper.remove(ctx, each.Claim); err != nil {
				log.FromContext(ctx).Error(err, "the node stays", "node", each.Name)
			} else if err := n.client.Delete(ctx, node); client.IgnoreNotFound(err) != nil {
				log.FromContext(ctx).Error(err, "the Node stays", "node", each.Name)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweeping):
		}
	}
}
