"""The received bytes of a file: kept with its receipt, in one transaction, and never changed."""

import hashlib

from fundpool.domain.errors import ServiceUnavailable
from fundpool.services.ports.work import MonthPorts, Work


def raw_content(ports: MonthPorts, work: Work, sha256: str) -> bytes:
    """The bytes received under ``sha256``; raises ServiceUnavailable when they are gone or not what they were."""
    content = work.submissions.raw_content(sha256)
    if content is None:
        content = ports.earlier_raw_file(sha256)
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        raise ServiceUnavailable(
            "raw_file_damaged",
            f"存档原件缺失或已损坏：{sha256}",
            f"a kept raw file is missing or damaged: {sha256}",
            remedy="从备份找回 raw_files 的这一行；0.2 版以前的原件在 FUNDPOOL_HOME/files / take its row of raw_files from a backup; "
            "releases before 0.2 kept it in FUNDPOOL_HOME/files",
        )
    return content
