"""Who runs this, as AWS sees it, and which jobs they may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from seaway.errors import SeawayError
from seaway.model.identity import Caller, Job, Whoami
from seaway.providers.eks.cloud import REHEARSAL, Cloud, explained
from seaway.providers.eks.needs import Grant
from seaway.providers.eks.policies import Place, condition, grants

#: How botocore calls the places of its chain, and how people do (boto3 guide, Credentials).
_SOURCES: Final[Mapping[str, str]] = {
    "env": "the environment (AWS_ACCESS_KEY_ID)",
    "explicit": f"the environment, for the rehearsal of {REHEARSAL}",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "assume-role": "a role that the profile takes",
    "assume-role-with-web-identity": "a role by a web identity, such as of a pod or of CI",
    "sso": "IAM Identity Center",
    "login": "aws login",
    "custom-process": "a program that the profile names",
    "iam-role": "the role of this instance",
    "container-role": "the role of this container or pod",
}
_KINDS: Final = (
    (re.compile(r".*:root"), "root"),
    (re.compile(r".*:user/.+"), "user"),
    (re.compile(r".*:assumed-role/.+"), "role"),
    (re.compile(r".*:federated-user/.+"), "federated user"),
)


def whoami(cloud: Cloud) -> Whoami:
    """Find out who runs this and, by iam:SimulatePrincipalPolicy, what they may do of each job.

    Raises Refused without credentials, or with such as AWS does not take.
    """
    with explained("AWS does not say who this is"):
        seen = cloud.sts.get_caller_identity()
        credentials = cloud.session.get_credentials()
    kind = next((name for form, name in _KINDS if form.fullmatch(seen["Arn"])), "somebody")
    method = credentials.method if credentials else ""
    source = _SOURCES.get(method, method)
    profile = f", profile {cloud.session.profile_name}" if cloud.session.profile_name != "default" else ""
    caller = Caller(seen["Account"], seen["Arn"], kind, cloud.region, f"{source}{profile}")
    if kind == "root":
        return Whoami(caller, {}, "the root of an account may do everything: use it for nothing of this")
    try:
        with explained("AWS does not say what this identity may do"):
            return Whoami(caller, _missing(cloud, principal_of(cloud), Place.of(cloud)))
    except SeawayError as error:
        return Whoami(caller, {}, f"{error.what}: {error.why}" if error.why else error.what)


def account_of(cloud: Cloud) -> str:
    """Say which account the credentials belong to."""
    with explained("AWS does not say who this is"):
        return cloud.sts.get_caller_identity()["Account"]


def principal_of(cloud: Cloud) -> str:
    """Give who we are as policies and access entries name it: of a session its role, with the role's path."""
    arn = cloud.sts.get_caller_identity()["Arn"]
    _, _, session = arn.partition(":assumed-role/")
    return cloud.iam.get_role(RoleName=session.split("/")[0])["Role"]["Arn"] if session else arn


def _missing(cloud: Cloud, arn: str, place: Place) -> dict[Job, tuple[str, ...]]:
    """Simulate what any job needs once, and see what each lacks."""
    wanted: dict[tuple[str, Any], list[Grant]] = {}
    for grant in dict.fromkeys(grant for job in Job for grant in grants(job)):
        wanted.setdefault((grant.on, grant.when), []).append(grant)
    denied: set[Grant] = set()
    for (on, when), group in wanted.items():
        allowed = _allowed(cloud, arn, [each.action for each in group], place.arn(on), condition(when, place))
        denied.update(each for each in group if each.action not in allowed)
    return {job: tuple(dict.fromkeys(each.action for each in grants(job) if each in denied)) for job in Job}


def _allowed(
    cloud: Cloud, arn: str, actions: list[str], resource: str, limits: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """Ask about actions on one thing, in the circumstances that the policy's condition asks for."""
    context: list[Any] = [
        {"ContextKeyName": key, "ContextKeyValues": [_first(value)], "ContextKeyType": _kind(operator)}
        for operator, keys in limits.items()
        for key, value in (dict.fromkeys(keys, "any") if operator == "Null" else keys).items()
    ]
    on: Any = {} if resource == "*" else {"ResourceArns": [resource.replace("*", "any")]}
    pages = cloud.iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=arn, ActionNames=actions, ContextEntries=context, **on
    )
    return {
        each["EvalActionName"]
        for page in pages
        for each in page["EvaluationResults"]
        if each["EvalDecision"] == "allowed"
    }


def _kind(operator: str) -> str:
    """Say what a condition is about, as the simulator calls it; several values at once are a list."""
    kinds = {"ForAllValues": "stringList", "Bool": "boolean"}
    return kinds.get(operator.partition(":")[0], "string")


def _first(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value)
