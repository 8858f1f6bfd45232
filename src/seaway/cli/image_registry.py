"""`seaway image registry`: how other programs reach the registry of this machine."""

from __future__ import annotations

from seaway.cli.options import Format, Output
from seaway.cli.story import emit_json, emit_table, next_commands


def registry(output: Output = Format.TEXT) -> None:
    """Tell how docker, skopeo, crane and the like reach the registry of this machine; no password is shown.

    The accounts are files in the form of Docker's config.json, which only root may read: one may push, the
    other, the nodes' own, may only pull.

    For example:
      seaway image registry
      seaway image registry -o json
    """
    from seaway.errors import NotFound  # noqa: PLC0415
    from seaway.providers.local.access import PULL, PUSH, REMEDY, Access  # noqa: PLC0415  (cryptography)

    access = Access()
    if not access.folder.is_dir():
        raise NotFound("this machine's registry was never started", where=access.host, remedy=REMEDY)
    authority, push = access.certificates.authority_path(), access.login_file(PUSH)
    told = {"address": access.host, "authority": authority} | {
        account: str(access.login_file(account)) for account in (PUSH, PULL)
    }
    if output is Format.JSON:
        emit_json(told)
    else:
        emit_table(("what", "where"), list(told.items()))
    trusting = f"SSL_CERT_FILE={authority}"
    next_commands(
        (f"{trusting} DOCKER_CONFIG={push.parent} crane catalog {access.host}", "crane, cosign"),
        (f"{trusting} skopeo list-tags --authfile {push} docker://{access.host}/NAME", "skopeo, buildah"),
    )
