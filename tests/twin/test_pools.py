"""NodePools of EKS on this machine: what stands in for one that adds nodes."""

from __future__ import annotations

from seaway.model.pools import CLASS, OF, POOL, STANDING, added_on_eks, claim_of
from seaway.twin.pools import group, shadow


def test_a_pool_of_eks_adds_as_many_nodes_of_this_machine() -> None:
    spec = added_on_eks(3, "m7i.large")
    pool = {"apiVersion": POOL[0], "kind": POOL[1], "metadata": {"name": "shop"}, "spec": spec}
    made = shadow(pool, "medium")
    assert group(pool) == CLASS[0].removesuffix("/v1")
    assert (made["metadata"]["name"], group(made)) == ("shop.here", "seaway.dev")
    assert (made["spec"]["limits"], made["spec"]["disruption"]) == ({"nodes": "3"}, spec["disruption"])
    assert made["spec"]["template"]["spec"]["requirements"][1]["values"] == ["medium"]


def test_only_a_node_that_came_with_the_load_has_a_claim() -> None:
    owners = [{"kind": "NodeClaim", "name": "shop-abcde"}]
    for pool, claim in ((STANDING, ""), ("shop", "shop-abcde"), ("", "")):
        labels = {OF: pool} if pool else {}
        assert claim_of({"metadata": {"labels": labels, "ownerReferences": owners}}) == claim
