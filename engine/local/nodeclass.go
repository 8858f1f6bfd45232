package local

import (
	"slices"

	"github.com/awslabs/operatorpkg/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

var group = schema.GroupVersion{Group: "seaway.dev", Version: "v1alpha1"}

// LocalNodeClass says that a NodePool's nodes are those of this machine. It has nothing to set: what a node
// is follows from its size. Its definition (nodeclass.yaml) makes each of them Ready.
type LocalNodeClass struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Status            struct {
		Conditions []status.Condition `json:"conditions,omitempty"`
	} `json:"status,omitempty"`
}

// LocalNodeClassList is what the API server answers to a LIST.
type LocalNodeClassList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LocalNodeClass `json:"items"`
}

func init() {
	metav1.AddToGroupVersion(scheme.Scheme, group)
	scheme.Scheme.AddKnownTypes(group, &LocalNodeClass{}, &LocalNodeClassList{})
}

// StatusConditions, GetConditions and SetConditions make it a status.Object.
func (c *LocalNodeClass) StatusConditions(options ...status.ForOption) status.ConditionSet {
	return status.NewReadyConditions().For(c, options...)
}

func (c *LocalNodeClass) GetConditions() []status.Condition { return c.Status.Conditions }

func (c *LocalNodeClass) SetConditions(all []status.Condition) { c.Status.Conditions = all }

func (c *LocalNodeClass) copy() *LocalNodeClass {
	made := &LocalNodeClass{TypeMeta: c.TypeMeta, ObjectMeta: *c.ObjectMeta.DeepCopy()}
	made.Status.Conditions = slices.Clone(c.Status.Conditions)
	return made
}

// DeepCopyObject makes it a runtime.Object.
func (c *LocalNodeClass) DeepCopyObject() runtime.Object { return c.copy() }

// DeepCopyObject makes it a runtime.Object.
func (l *LocalNodeClassList) DeepCopyObject() runtime.Object {
	made := &LocalNodeClassList{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy()}
	for i := range l.Items {
		made.Items = append(made.Items, *l.Items[i].copy())
	}
	return made
}
