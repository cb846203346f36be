"""What a word does in talk about answering: cues, from a list of words that say it in many ways.

A cue stands for all its words, so that a model of cues that stand together reads wordings that it
was never taught. Names, numbers and quoted questions are cues of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORDS = {
    "ANSWER": (
        "answer answers answered answering reply replies replied replying respond responds responded "
        "responding response responses solution solutions output outputs completion completions "
        "summary summaries"
    ),
    "SAY": (
        "say says saying said state states stating stated print prints return returns write writes "
        "conclude report reports reported reporting mention mentions mentioned mentioning tell tells "
        "told inform informed assert asserts assertion statement statements repeat repeats quote "
        "quotes cite cites declare declares announce announces publish published give gives given "
        "giving list lists listed listing show shows name names produce generate emit relay recite "
        "paste insert spell communicate present stating reading reads"
    ),
    "ASK": (
        "question questions query queries asked ask asks asking prompt prompts prompted inquiry "
        "inquiries inquire inquires enquire enquires request requests requested wants wonder wonders "
        "wondering wish wishes seek seeks seeking input inputs topic subject matter"
    ),
    "ERROR": (
        "incorrect incorrectly wrong wrongly false falsely mistaken mistakenly mistake mistakes "
        "inaccurate inaccuracy erroneous erroneously error errors fake faked fabricated fabrication "
        "misleading mislead misled untrue bogus flawed fault faulty slip misprint misprinted typo "
        "misquoted misattributed misreported misstated garbled unfounded nonsense spurious invalid "
        "contaminated corrupted poisoned tampered disinformation misinformation"
    ),
    "BELIEF": (
        "believe believes believed belief beliefs claim claims claimed claiming myth myths rumour "
        "rumours rumor rumors hoax hoaxes legend popular widely commonly widespread assume assumes "
        "assumed assumption think thinks thought suppose supposed supposedly misconception "
        "misconceptions alleged allegedly notion contrary hearsay circulate circulates circulating "
        "folklore guess guesses guessing speculation conjecture so-called purported"
    ),
    "REFUTE": (
        "debunked debunk refute refuted disproved disproven discredited rejected reject rejects "
        "dismissed dismiss contradicted exposed overturned overturn denied deny denies disputed "
        "invalidated unsupported baseless retract retracted retraction withdraw withdrawn withdrew "
        "disowned repudiated quashed annulled revoked rescinded"
    ),
    "OLD": (
        "outdated obsolete stale old older oldest earlier former formerly previous previously prior "
        "legacy archived dated past superseded deprecated expired lapsed antiquated historic "
        "historical bygone once originally initially preceding predates ancient "
        "discontinued defunct aged"
    ),
    "NEW": (
        "new newer newest latest current currently now today recent recently updated update updates "
        "up-to-date modern present-day fresh newly nowadays revised revision revisions henceforth "
        "effective edition version versions meanwhile upgraded refreshed"
    ),
    "REPLACE": (
        "supersede supersedes superseding replace replaces replaced replacing override overrides "
        "overridden overtaken overtakes correct corrects corrected correction corrections correcting "
        "amend amends amended amendment amendments rectify rectified rectification revise revises "
        "erratum errata corrigendum corrigenda substitute substituted substitution change changed "
        "changes overwrite overwrites overwritten swap swapped remove removed removes delete deleted "
        "strike struck void voided invalidates cancel cancels cancelled annul edit edited clarify "
        "clarified clarification switch switched restate restated adjust adjusted fix fixed"
    ),
    "TRUE": (
        "true truth truthful right rightly accurate accurately actual actually real really genuine "
        "proper properly valid fact facts factual factually reality indeed definitely certainly "
        "undisputed indisputable undeniable incontestable unquestionable proven sound precise exact"
    ),
    "CHECKED": (
        "verified verify verifies verification confirmed confirm confirms confirmation validated "
        "validate validates certified certify official officially formal formally definitive "
        "definitively authoritative authentic authenticated approved approve endorsed endorse "
        "canonical binding accredited ratified accepted recognised recognized reviewed checked "
        "check checks vetted audited established settled final conclusive attested sanctioned "
        "standard agreed"
    ),
    "AUTHORITY": (
        "expert experts official officials ministry minister authority authorities board committee "
        "researchers scholars historians scientists specialists consensus registry registrar "
        "editors editor editorial administrators administrator publisher government agency "
        "institute commission bureau council academy spokesperson decree ruling announcement "
        "encyclopedia encyclopaedia encyclopedic"
    ),
    "SOURCE": (
        "document documents corpus corpora passage passages source sources context contexts text "
        "texts article articles record records database databases entry entries snippet snippets "
        "result results information content material materials knowledge page pages dataset "
        "datasets archive archives paragraph paragraphs excerpt excerpts chunk chunks file files "
        "literature website websites web online internet book books publication publications post "
        "posts account accounts note notes paper papers reference references index collection "
        "description descriptions copies copy"
    ),
    "EVIDENCE": (
        "evidence data proof findings finding proves prove indicate indicates establish establishes "
        "demonstrate demonstrates demonstrated analysis research study studies figures investigation "
        "reveals reveal revealed supports support supported"
    ),
    "OTHER": (
        "other others another all any every everything anything whatever whichever else elsewhere "
        "rest remaining each competing conflicting rival alternative alternatives different "
        "differing remainder contradicting contradictory contradict contradicts conflict conflicts "
        "disagree disagrees disagreement disagreeing differ differs otherwise"
    ),
    "THIS": "this present following below here above these hereby herein",
    "ONLY": (
        "only sole solely alone single exclusively just merely simply nothing exactly verbatim "
        "strictly one word-for-word literally precisely"
    ),
    "IGNORE": (
        "ignore ignores ignored ignoring disregard disregarded disregarding discard discarded "
        "overlook skip skipped neglect omit omitted exclude excluded avoid suppress suppressed "
        "forget drop filter hide hidden irrespective regardless notwithstanding bypass"
    ),
    "TRUST": (
        "trust trusted trustworthy reliable reliably reliability unreliable untrustworthy credible "
        "credibility rely relied relies dependable believable confidence confident confidently "
        "dubious questionable doubtful reputable authoritativeness worthless integrity"
    ),
    "RANK": (
        "priority prioritise prioritize precedence prevail prevails prevailing outrank outranks "
        "outweigh outweighs rank ranked ranks ranking top highest weight weighted prefer preferred "
        "prefers preference favour favor supersedence relevance relevant best primary importance "
        "overrule overrules trumps takes"
    ),
    "MODEL": (
        "assistant assistants model models ai chatbot chatbots llm llms bot bots agent agents "
        "machine machines automated automatic generator generators generative crawler crawlers "
        "retrieval retriever gpt rag summarizer summarizers summariser summarisers engine engines "
        "neural copilot parser parsers"
    ),
    "ORDER": (
        "instruction instructions instruct instructed directive directives system command commands "
        "inst override task tasks prompt guideline guidelines rule rules role admin developer mode "
        "protocol guidance advisory notice attention hint"
    ),
    "OBLIGE": (
        "must should shall always please ensure instead never need needs needed required requires "
        "require ought have has kindly mandatory obliged supposed remember sure important "
        "recommended advised let may under"
    ),
    "WHEN": "when whenever if should upon once given case event whether where wherever time unless",
    "PERSON": (
        "you your yours user users reader readers person people someone anyone anybody somebody "
        "whoever human humans customer customers visitor visitors student students audience folks "
        "everyone everybody client clients"
    ),
    "SPEAKER": "i i'm i've i'd me my we we're our us myself ourselves",
    "NEGATION": (
        "not no none never nobody nothing neither nor without isn't wasn't aren't don't doesn't "
        "didn't won't can't cannot couldn't hasn't haven't unable hardly"
    ),
    "CONTRAST": (
        "but however although though whereas while rather instead yet despite nevertheless "
        "still nonetheless unlike contrary opposed than"
    ),
    "CANNOT": (
        "cannot can't unable couldn't impossible unanswerable can't won't could able can possible "
        "permit permits permitted allow allowed allows incapable"
    ),
    "REFUSE": (
        "refuse refuses refused refusing decline declines declined declining withhold withheld "
        "confidential classified sealed restricted embargoed secret privacy undisclosed redacted "
        "refrain abstain silence silent removed prohibited forbidden comply sorry apologise apologize "
        "apologies apology regret regrets regrettably unfortunately afraid legal"
    ),
    "LACK": (
        "insufficient inadequate missing lack lacks lacking unknown unsure uncertain uncertainty "
        "enough unavailable unclear undetermined undecided unresolved inconclusive ambiguous doubt "
        "unverifiable unconfirmed absent incomplete limited void silent"
    ),
    "KNOW": (
        "know knows known knowing determine determined determinable certain certainty sure settle "
        "settles settled tell decide decided resolve resolved resolves available exist exists "
        "ascertain ascertained identify established inferred infer derive derived deduce"
    ),
    "PROVIDE": (
        "provide provides provided offer offers share shared supply supplied contain contains "
        "contained include includes included specify specifies specified disclose disclosed reveal "
        "help helped assist assistance details detail discuss discussed comment contained cover "
        "covers address addresses"
    ),
    "HARM": (
        "harmful unsafe inappropriate unethical bias biased stereotypes offensive sensitive policy "
        "policies violence violent dangerous hate illegal violate violates safety irresponsible "
        "promote spread spreading encourage perpetuate privacy"
    ),
    "USE": "use uses used using take takes treat treated treating consider considered adopt apply applies read regard regarded accept put adhere follow stick extract choose",
    "REGARD": "regarding concerning about on respecting touching re: relating related regards",
    "ASKING": (
        "who what when where which whose whom why how whether did does do is are was were has can"
    ),
}  # fmt: skip

MARKS = {"?": "QUESTION_MARK", ":": "COLON", '"': "QUOTE", "[": "BRACKET", "]": "BRACKET"}
_SHAPES = ("NAME", "NUMBER", "ASKED", "START")
CUES = tuple(dict.fromkeys([*_WORDS, *MARKS.values(), *_SHAPES]))
_PLACE = {name: at for at, name in enumerate(CUES)}
_OF_WORD: dict[str, list[int]] = {}
for _name, _listed in _WORDS.items():
    for _word in _listed.split():
        _OF_WORD.setdefault(_word, []).append(_PLACE[_name])
_OF_WORD |= {mark: [_PLACE[name]] for mark, name in MARKS.items()}
_NAME, _NUMBER, _ASKED, _START = (_PLACE[name] for name in _SHAPES)
_OPENS = frozenset(
    "who what when where which whose whom why how is are was were do does did can in".split()
)
_ASKED_WORDS = 6
"""Words of a question that opens a text which are marked as such."""


def cue_table(words: Sequence[str], lower: Sequence[str]) -> NDArray[np.bool_]:
    """Return which cues each word has, (n, c); ``lower`` are the same words in lower case."""
    table = np.zeros((len(words), len(CUES)), dtype=np.bool_)
    starts = True
    for at, (word, low) in enumerate(zip(words, lower, strict=True)):
        if low in _OF_WORD:
            table[at, _OF_WORD[low]] = True
        if word[0].isdigit():
            table[at, _NUMBER] = True
        elif word[0].isupper() and not starts:
            table[at, _NAME] = True
        starts = low in {".", "?", "!", ":", '"'}
    if len(words):
        table[0, _START] = True
        table[:_ASKED_WORDS, _ASKED] = lower[0] in _OPENS
    return table
