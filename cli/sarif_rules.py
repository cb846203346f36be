"""The rules of a scan as SARIF descriptors, with OWASP and ATLAS as taxonomies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.verdict import Severity
from ..ingest.scanner.rules import Rule
from .issues import SCORE_ALONE, Issue

OWASP = "OWASP Top 10 for LLM Applications"
ATLAS = "MITRE ATLAS"

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# Inside the bands in which GitHub names them: critical from 9.0, high 7.0, medium 4.0, low 0.1.
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "0.5",
}
# Names and pages of the edition of 2025, genai.owasp.org.
_OWASP_RISKS = {
    "LLM01": ("Prompt Injection", "llm01-prompt-injection"),
    "LLM02": ("Sensitive Information Disclosure", "llm022025-sensitive-information-disclosure"),
    "LLM03": ("Supply Chain", "llm032025-supply-chain"),
    "LLM04": ("Data and Model Poisoning", "llm042025-data-and-model-poisoning"),
    "LLM05": ("Improper Output Handling", "llm052025-improper-output-handling"),
    "LLM06": ("Excessive Agency", "llm062025-excessive-agency"),
    "LLM07": ("System Prompt Leakage", "llm072025-system-prompt-leakage"),
    "LLM08": ("Vector and Embedding Weaknesses", "llm082025-vector-and-embedding-weaknesses"),
    "LLM09": ("Misinformation", "llm092025-misinformation"),
    "LLM10": ("Unbounded Consumption", "llm102025-unbounded-consumption"),
}
_FAMILIES = {
    "carrier": "Text is carried by characters that a reader does not see.",
    "hidden": "Text is hidden from the reader of the document.",
    SCORE_ALONE.partition(".")[
        0
    ]: "The verdict on the text as a whole, which no single finding explains.",
}
_OTHER = "Text holds instructions aimed at a model."
_ADVICE = (
    "A model that reads this text may follow it. Remove it, keep the document out of what models "
    "read, or accept the finding with a reason in a baseline."
)


def descriptors(issues: Iterable[Issue], rules: Mapping[str, Rule]) -> list[dict[str, Any]]:
    """Return a descriptor for each rule of the packs, and each other that an issue names."""
    others = {issue.rule: issue.severity for issue in issues if issue.rule not in rules}
    told = [_of_pack(rule) for rule in rules.values()]
    return told + [_of_detector(name, severity) for name, severity in sorted(others.items())]


def taxonomies(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return OWASP and ATLAS with those of their entries that the descriptors point at."""
    named = {
        relation["target"]["id"] for rule in rules for relation in rule.get("relationships", ())
    }
    return [
        {
            "name": OWASP,
            "version": "2025",
            "organization": "OWASP",
            "informationUri": "https://genai.owasp.org/llm-top-10/",
            "taxa": [_taxon(name) for name in sorted(named) if _taxonomy(name) == OWASP],
        },
        {
            "name": ATLAS,
            "organization": "MITRE",
            "informationUri": "https://atlas.mitre.org/",
            "taxa": [_taxon(name) for name in sorted(named) if _taxonomy(name) == ATLAS],
        },
    ]


def category_page(category: str) -> str:
    """Return the page of an OWASP risk or an ATLAS technique."""
    if _taxonomy(category) == ATLAS:
        return f"https://atlas.mitre.org/techniques/{category}"
    risk = _OWASP_RISKS.get(category)
    return f"https://genai.owasp.org/llmrisk/{risk[1]}/" if risk else "https://genai.owasp.org/"


def is_atlas(category: str) -> bool:
    """Return whether a category is a technique of MITRE ATLAS; the others are OWASP's."""
    return category.startswith("AML.")


def _of_pack(rule: Rule) -> dict[str, Any]:
    told = _descriptor(rule.id, rule.description, rule.severity, rule.categories, rule.group)
    if rule.references:
        told["help"]["text"] += f" See {', '.join(rule.references)}."
    return told


def _of_detector(name: str, severity: Severity) -> dict[str, Any]:
    family = name.partition(".")[0]
    return _descriptor(name, _FAMILIES.get(family, _OTHER), severity, ("LLM01",), family)


def _descriptor(
    name: str, description: str, severity: Severity, categories: Iterable[str], group: str
) -> dict[str, Any]:
    told = list(categories)
    return {
        "id": name,
        "name": "".join(part.title() for part in name.replace(".", "_").split("_")),
        "shortDescription": {"text": description},
        "fullDescription": {"text": description},
        "help": {"text": f"{description} {_ADVICE}"},
        "helpUri": category_page(told[0] if told else ""),
        "defaultConfiguration": {"level": LEVELS[severity]},
        "relationships": [
            {
                "target": {"id": category, "toolComponent": {"name": _taxonomy(category)}},
                "kinds": ["relevant"],
            }
            for category in told
        ],
        "properties": {
            "security-severity": _SECURITY_SEVERITY[severity],
            "tags": ["security", "prompt-injection", group, *told],
        },
    }


def _taxonomy(category: str) -> str:
    return ATLAS if is_atlas(category) else OWASP


def _taxon(category: str) -> dict[str, Any]:
    taxon: dict[str, Any] = {"id": category, "helpUri": category_page(category)}
    if category in _OWASP_RISKS:
        taxon["name"] = _OWASP_RISKS[category][0]
    return taxon
