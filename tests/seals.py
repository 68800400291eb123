"""The seals of the tests; their key bears the mark of the other secrets (see ``tests.canary``)."""

from fundpool.domain.sealing import Seals
from tests.canary import SEAL_KEY

SEALS = Seals(SEAL_KEY.encode)
