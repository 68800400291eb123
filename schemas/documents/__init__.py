"""The documents counties file. A further one is a module here and a suite in expectations/."""

from fundpool.domain.errors import InputError
from schemas.documents.base import DocumentType
from schemas.documents.payer_detail import PAYER_DETAIL
from schemas.documents.plan import PLAN
from schemas.documents.report import REPORT
from schemas.documents.statement import STATEMENT

DOCUMENTS: dict[str, DocumentType] = {
    document.key: document for document in (PLAN, REPORT, PAYER_DETAIL, STATEMENT)
}


def document_type(key: str) -> DocumentType:
    """The document called ``key``; raises InputError naming the ones there are."""
    try:
        return DOCUMENTS[key]
    except KeyError:
        known = ", ".join(DOCUMENTS)
        raise InputError(
            "unknown_document",
            f"没有名为 {key} 的表；可用：{known}",
            f"there is no document called {key}; known: {known}",
            remedy=f"--document {'|'.join(DOCUMENTS)}",
        ) from None
