"""A small EKS, for what no emulator has: phases, access entries, updates, clusters that run.

Roles and subnets must be there in EC2 and IAM. A thing stays CREATING, UPDATING or DELETING for PHASE looks,
and for as long as the machines that its cluster runs on take.
"""

# ruff: noqa: N803  (parameters are called as EKS calls them)
from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from seaway.twin import auto
from seaway.twin.phases import Thing, Wrong, paged, phase
from seaway.twin.versions import DEFAULT, Versions, addon_version

#: Zones over which the subnets of a cluster must lie.
ZONES: Final = 2
#: The account that AWS's documentation shows, and moto's own where it is given no other.
ACCOUNT: Final = "123456789012"

#: What a list tells of an association of pods (EKS API reference, PodIdentityAssociationSummary).
SUMMARY: Final = ("clusterName", "namespace", "serviceAccount", "associationId", "associationArn")


class Machines(Protocol):
    """What clusters run on; each call returns when it is done."""

    def create(self, cluster: str) -> None:
        """Have the control plane of a cluster run."""

    def automate(self, cluster: str) -> None:
        """Have nodes of a cluster come and go as NodePools in it say, from now on."""

    def hold(self, cluster: str, nodes: int) -> None:
        """Have just so many nodes, ready."""

    def remove(self, cluster: str) -> None:
        """Take a cluster away, with all its nodes."""

    def reach(self, cluster: str) -> Any:
        """Give a client (httpx2) of its API server that is nobody: what counts is the token it brings."""


@dataclass(frozen=True)
class Works:
    """Machines, and who has them work, one thing after the other."""

    machines: Machines
    executor: Executor


class Eks(Versions):
    """The state of one region, and what each operation does to it.

    `aws` gives a client of another service. Without `works` nothing runs: there is only what EKS says.
    """

    def __init__(
        self,
        aws: Callable[[str], Any],
        region: str,
        endpoint: Thing,
        account: str = ACCOUNT,
        works: Works | None = None,
    ) -> None:
        super().__init__()
        self.aws, self.region, self.endpoint = aws, region, endpoint
        self.account, self.works = account, works
        self._pending: dict[int, Future[None]] = {}
        self.clusters: dict[str, Thing] = {}
        self.groups: dict[tuple[str, str], Thing] = {}
        self.entries: dict[tuple[str, str], Thing] = {}
        self.addons: dict[tuple[str, str], Thing] = {}
        self.pods: dict[tuple[str, str], Thing] = {}

    def create_cluster(self, name: str, roleArn: str, resourcesVpcConfig: Thing, **more: Any) -> Thing:
        if name in self.clusters:
            raise Wrong("ResourceInUseException", f"Cluster already exists with name: {name}")
        self._role(roleArn)
        automated = auto.asked(more, addons=more.pop("bootstrapSelfManagedAddons", True))
        subnets = resourcesVpcConfig["subnetIds"]
        found = self.aws("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
        if len({each["AvailabilityZone"] for each in found}) < ZONES:
            raise Wrong(
                "InvalidParameterException", "Subnets specified must be in at least two different AZs"
            )
        for each in more.get("encryptionConfig", []):
            self._key(each["provider"]["keyArn"])
        reach = {
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
        }
        more.setdefault("logging", {"clusterLogging": []})
        more.setdefault("version", DEFAULT)
        self.clusters[name] = {
            **more,
            "name": name,
            "arn": self._arn(f"cluster/{name}"),
            "roleArn": roleArn,
            "resourcesVpcConfig": {**reach, **resourcesVpcConfig, "vpcId": found[0]["VpcId"]},
            **phase("CREATING"),
        }
        self._begin(self.clusters[name], lambda machines: _start(machines, name, automated=automated))
        return {"cluster": self.clusters[name]}

    def describe_cluster(self, name: str) -> Thing:
        live = self._look(self.clusters, name, f"No cluster found for name: {name}.")
        if live["status"] not in {"CREATING", "FAILED"}:
            where = f"{self.endpoint['endpoint']}/{self.region}/{name}"
            live |= {**self.endpoint, "endpoint": where}
        return {"cluster": live}

    def list_clusters(self, **paging: Any) -> Thing:
        return paged("clusters", list(self.clusters), **paging)

    def update_cluster_config(self, name: str, **change: Any) -> Thing:
        live = self._active(name)
        if logging := change.get("logging"):
            now = live["logging"]["clusterLogging"]
            off = {kind for each in logging["clusterLogging"] for kind in each["types"]}
            kept = [{**each, "types": [k for k in each["types"] if k not in off]} for each in now]
            live["logging"] = {
                "clusterLogging": [*(e for e in kept if e["types"]), *logging["clusterLogging"]]
            }
        live["resourcesVpcConfig"] |= change.get("resourcesVpcConfig", {})
        live |= {key: change[key] for key in auto.CAPABILITIES if key in change}
        if auto.asked(change, addons=False):
            self._begin(live, lambda machines: machines.automate(name))
            return self.begin(live, "AutoModeUpdate", {}, {})
        return self.begin(live, "LoggingUpdate" if logging else "EndpointAccessUpdate", {}, {})

    def delete_cluster(self, name: str) -> Thing:
        live = self._look(self.clusters, name, f"No cluster found for name: {name}.")
        if any(cluster == name for cluster, _ in (*self.groups, *self.addons)):
            raise Wrong("ResourceInUseException", "Cluster has nodegroups attached")
        live |= phase("DELETING")
        self._begin(live, lambda machines: machines.remove(name))
        return {"cluster": live}

    def create_nodegroup(self, clusterName: str, nodegroupName: str, nodeRole: str, **more: Any) -> Thing:
        cluster = self._active(clusterName)
        if (clusterName, nodegroupName) in self.groups:
            raise Wrong("ResourceInUseException", f"NodeGroup already exists with name {nodegroupName}")
        self._role(nodeRole)
        more.setdefault("version", cluster["version"])
        self.groups[clusterName, nodegroupName] = {
            **more,
            "clusterName": clusterName,
            "nodegroupName": nodegroupName,
            "nodeRole": nodeRole,
            "nodegroupArn": self._arn(f"nodegroup/{clusterName}/{nodegroupName}/1"),
            **phase("CREATING"),
        }
        self._fill(clusterName, self.groups[clusterName, nodegroupName])
        return {"nodegroup": self.groups[clusterName, nodegroupName]}

    def describe_nodegroup(self, clusterName: str, nodegroupName: str) -> Thing:
        return {"nodegroup": self._look(self.groups, (clusterName, nodegroupName), "No node group found")}

    def update_nodegroup_config(self, clusterName: str, nodegroupName: str, scalingConfig: Thing) -> Thing:
        live = self._there(self.groups, (clusterName, nodegroupName), "No node group found")
        if live["status"] != "ACTIVE":
            raise Wrong("ResourceInUseException", f"Nodegroup cannot be updated, it is {live['status']}")
        live["scalingConfig"] |= scalingConfig
        begun = self.begin(live, "ConfigUpdate", {}, {})
        self._fill(clusterName, live)
        return begun

    def delete_nodegroup(self, clusterName: str, nodegroupName: str) -> Thing:
        live = self._there(self.groups, (clusterName, nodegroupName), "No node group found")
        live |= phase("DELETING")
        return {"nodegroup": live}

    def create_access_entry(self, clusterName: str, principalArn: str, **more: Any) -> Thing:
        self._active(clusterName)
        if (clusterName, principalArn) in self.entries:
            raise Wrong("ResourceInUseException", "The specified access entry resource is already in use")
        if not re.fullmatch(r"arn:aws:(iam|sts)::\d{12}:(user|role)/.+", principalArn):
            raise Wrong("InvalidParameterException", f"The specified principalArn is invalid: {principalArn}")
        arn = self._arn(f"access-entry/{clusterName}/{len(self.entries)}")
        entry = {**more, "clusterName": clusterName, "principalArn": principalArn, "accessEntryArn": arn}
        self.entries[clusterName, principalArn] = {**entry, "policies": []}
        return {"accessEntry": entry}

    def list_access_entries(self, clusterName: str, **paging: Any) -> Thing:
        self._there(self.clusters, clusterName, "No cluster found")
        return paged(
            "accessEntries", [who for cluster, who in self.entries if cluster == clusterName], **paging
        )

    def describe_access_entry(self, clusterName: str, principalArn: str) -> Thing:
        entry = self._there(self.entries, (clusterName, principalArn), "No access entry found")
        return {"accessEntry": {key: value for key, value in entry.items() if key != "policies"}}

    def associate_access_policy(
        self, clusterName: str, principalArn: str, policyArn: str, **more: Any
    ) -> Thing:
        entry = self._there(self.entries, (clusterName, principalArn), "No access entry found")
        kept = [each for each in entry["policies"] if each["policyArn"] != policyArn]
        entry["policies"] = [*kept, {"policyArn": policyArn, **more}]
        return {"clusterName": clusterName, "principalArn": principalArn}

    def list_associated_access_policies(self, clusterName: str, principalArn: str, **paging: Any) -> Thing:
        entry = self._there(self.entries, (clusterName, principalArn), "No access entry found")
        return paged("associatedAccessPolicies", entry["policies"], **paging)

    def disassociate_access_policy(self, clusterName: str, principalArn: str, policyArn: str) -> Thing:
        entry = self._there(self.entries, (clusterName, principalArn), "No access entry found")
        entry["policies"] = [each for each in entry["policies"] if each["policyArn"] != policyArn]
        return {}

    def delete_access_entry(self, clusterName: str, principalArn: str) -> Thing:
        self._there(self.entries, (clusterName, principalArn), "No access entry found")
        del self.entries[clusterName, principalArn]
        return {}

    def create_addon(self, clusterName: str, addonName: str, **more: Any) -> Thing:
        cluster = self._active(clusterName)
        if (clusterName, addonName) in self.addons:
            raise Wrong("ResourceInUseException", f"Addon already exists: {addonName}")
        arn = self._arn(f"addon/{clusterName}/{addonName}/1")
        more.setdefault("addonVersion", addon_version(cluster["version"]))
        addon = {**more, "clusterName": clusterName, "addonName": addonName, "addonArn": arn}
        self.addons[clusterName, addonName] = {**addon, **phase("CREATING")}
        return {"addon": self.addons[clusterName, addonName]}

    def describe_addon(self, clusterName: str, addonName: str) -> Thing:
        return {"addon": self._look(self.addons, (clusterName, addonName), "No addon found")}

    def delete_addon(self, clusterName: str, addonName: str) -> Thing:
        live = self._there(self.addons, (clusterName, addonName), "No addon found")
        live |= phase("DELETING")
        return {"addon": live}

    def create_pod_identity_association(
        self, clusterName: str, namespace: str, serviceAccount: str, roleArn: str, **more: Any
    ) -> Thing:
        self._active(clusterName)
        self._role(roleArn)
        account = f"{namespace}-{serviceAccount}"
        if (clusterName, account) in self.pods:
            raise Wrong("ResourceInUseException", f"Association already exists: {account}")
        arn = self._arn(f"podidentityassociation/{clusterName}/{account}")
        self.pods[clusterName, account] = {
            **more,
            "clusterName": clusterName,
            "namespace": namespace,
            "serviceAccount": serviceAccount,
            "roleArn": roleArn,
            "associationId": account,
            "associationArn": arn,
        }
        return {"association": self.pods[clusterName, account]}

    def list_pod_identity_associations(self, clusterName: str, **paging: Any) -> Thing:
        self._there(self.clusters, clusterName, "No cluster found")
        found = [each for (cluster, _), each in self.pods.items() if cluster == clusterName]
        shown = [{key: each[key] for key in SUMMARY} for each in found]
        return paged("associations", shown, **paging)

    def describe_pod_identity_association(self, clusterName: str, associationId: str) -> Thing:
        return {"association": self._there(self.pods, (clusterName, associationId), "No association found")}

    def update_pod_identity_association(self, clusterName: str, associationId: str, roleArn: str) -> Thing:
        self._role(roleArn)
        found = self._there(self.pods, (clusterName, associationId), "No association found")
        found["roleArn"] = roleArn
        return {"association": found}

    def delete_pod_identity_association(self, clusterName: str, associationId: str) -> Thing:
        found = self._there(self.pods, (clusterName, associationId), "No association found")
        del self.pods[clusterName, associationId]
        return {"association": found}

    def _arn(self, rest: str) -> str:
        return f"arn:aws:eks:{self.region}:{self.account}:{rest}"

    def _begin(self, live: Thing, work: Callable[[Machines], None]) -> None:
        """Have machines do what becomes of a thing, where there are any; its phase lasts until they have."""
        if works := self.works:
            self._pending[id(live)] = works.executor.submit(work, works.machines)

    def _fill(self, cluster: str, live: Thing) -> None:
        """Have a cluster get the nodes that its groups want."""
        wanted = [
            each["scalingConfig"]["desiredSize"] for (of, _), each in self.groups.items() if of == cluster
        ]
        self._begin(live, lambda machines: machines.hold(cluster, sum(wanted)))

    def _worked(self, live: Thing) -> bool:
        """Tell whether the machines have done their part for a thing; it is FAILED where they could not."""
        pending = self._pending.get(id(live))
        if pending is None:
            return True
        if not pending.done():
            return False
        del self._pending[id(live)]
        if error := pending.exception():
            issue = {"code": "InternalFailure", "message": str(error), "resourceIds": []}
            live["status"] = "CREATE_FAILED" if "nodegroupName" in live else "FAILED"
            live["health"] = {"issues": [issue]}
        return True

    def _look(self, where: dict[Any, Thing], key: Any, message: str) -> Thing:
        """See a thing, which lets its phase go on."""
        live = self._there(where, key, message)
        if not self._worked(live):
            return live
        live["looks"] -= 1
        if live["looks"] < 0 and live["status"] == "DELETING":
            del where[key]
            raise Wrong("ResourceNotFoundException", message)
        if live["looks"] < 0 and live["status"] in {"CREATING", "UPDATING"}:
            live["status"] = "ACTIVE"
            self.complete(live)
        return live

    def _active(self, name: str) -> Thing:
        live = self._there(self.clusters, name, f"No cluster found for name: {name}.")
        if live["status"] != "ACTIVE":
            raise Wrong("InvalidRequestException", f"Cluster {name} is {live['status']}")
        return live

    def _role(self, arn: str) -> None:
        try:
            self.aws("iam").get_role(RoleName=arn.rpartition("/")[2])
        except ClientError as error:
            raise Wrong("InvalidParameterException", f"Role with arn: {arn}, could not be assumed") from error

    def _key(self, arn: str) -> None:
        try:
            self.aws("kms").describe_key(KeyId=arn)
        except ClientError as error:
            raise Wrong("InvalidParameterException", f"The keyArn in encryptionConfig: {error}") from error

    @staticmethod
    def _there(where: dict[Any, Thing], key: Any, message: str) -> Thing:
        if key not in where:
            raise Wrong("ResourceNotFoundException", message)
        return where[key]


def _start(machines: Machines, name: str, *, automated: bool) -> None:
    machines.create(name)
    if automated:
        machines.automate(name)
