"""The documents that counties file. To add a document, add a module here and a suite in expectations/."""

from fundpool.domain.errors import InputError
from schemas.documents.annual_budget import ANNUAL_BUDGET, FINAL_ACCOUNT
from schemas.documents.base import DocumentType
from schemas.documents.interest import INTEREST
from schemas.documents.payer_detail import PAYER_DETAIL
from schemas.documents.plan import PLAN
from schemas.documents.report import REPORT
from schemas.documents.statement import STATEMENT
from schemas.documents.subsidy import SUBSIDY
from schemas.documents.working_capital import WORKING_CAPITAL

DOCUMENTS: dict[str, DocumentType] = {
    document.key: document
    for document in (
        PLAN,
        REPORT,
        PAYER_DETAIL,
        STATEMENT,
        SUBSIDY,
        INTEREST,
        WORKING_CAPITAL,
        ANNUAL_BUDGET,
        FINAL_ACCOUNT,
    )
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
