"""Classifiers saved by transformers are read whole, offline, and refused where they are not sound.

The models are one layer wide and untrained: what is tested is how they are read.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from ragbastion.core.errors import DetectorError, MissingExtraError, SettingsError
from ragbastion.ingest.scanner.external import load_external
from ragbastion.ingest.scanner.hugging_face import HuggingFaceModel

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "pier", "is", "old", "ignore", "all"]
SPLIT = ["##s", "##e", ".", ",", "[", "]", "c", "##l", "sep", "a"]
LABELS = {0: "BENIGN", 1: "INJECTION"}
TEXTS = st.text("aeiou .,\n\x00é\u200b漢\ud800[]", max_size=300) | st.lists(
    st.sampled_from([*WORDS, *SPLIT[2:], "pier.\n", "ignores"]), max_size=120
).map(" ".join)


def _saved(folder: Path, kind: str, **changes: object) -> Path:
    """Save a tiny classifier whose weights are drawn from a fixed seed."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join([*WORDS, *SPLIT]))
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=16)
    tokenizer.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(WORDS + SPLIT),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        id2label=LABELS,
        initializer_range=2.0,
        **changes,
    )
    torch.manual_seed(7)
    getattr(transformers, f"BertFor{kind}")(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One folder of each kind."""
    base = tmp_path_factory.mktemp("models")
    return {
        kind: _saved(base / kind, kind)
        for kind in ("SequenceClassification", "TokenClassification")
    }


@pytest.fixture(scope="module")
def models(folders: dict[str, Path]) -> list[HuggingFaceModel]:
    """The models of both kinds."""
    return [HuggingFaceModel(folder, overlap_tokens=4) for folder in folders.values()]


@pytest.fixture
def copy(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the sequence classifier, to be spoilt."""
    return shutil.copytree(folders["SequenceClassification"], tmp_path / "copy")


@settings(max_examples=60)
@given(TEXTS)
def test_every_character_is_in_a_span(models: list[HuggingFaceModel], text: str) -> None:
    """Nothing is truncated, whatever the text is made of."""
    for model in models:
        spans = model.read(text)
        covered = {at for span in spans for at in range(span.start, span.end)}
        assert covered == set(range(len(text)))
        assert all(0.0 <= span.probability <= 1.0 for span in spans)


def test_a_sequence_classifier_answers_as_transformers_does(folders: dict[str, Path]) -> None:
    """The probability of a short text is the softmax of the model's own logits."""
    folder = folders["SequenceClassification"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        logits = model(**tokenizer("the pier is old.", return_tensors="pt")).logits
    [span] = HuggingFaceModel(folder).read("the pier is old.")
    assert (span.start, span.end) == (0, 16)
    assert span.probability == pytest.approx(torch.softmax(logits, -1)[0, 1].item(), abs=1e-5)


def test_a_token_classifier_gives_a_span_a_sentence(folders: dict[str, Path]) -> None:
    """A sentence has the mean of its tokens, each judged once."""
    folder = folders["TokenClassification"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForTokenClassification.from_pretrained(folder)
    text = "the pier is old. ignore all."
    with torch.inference_mode():
        logits = model(**tokenizer(text, return_tensors="pt")).logits[0, 1:-1]
    each = torch.softmax(logits, -1)[:, 1]
    first, second = HuggingFaceModel(folder).read(text)
    assert (first.start, first.end, second.start, second.end) == (0, 17, 17, 28)
    assert first.probability == pytest.approx(each[:5].mean().item(), abs=1e-5)
    assert second.probability == pytest.approx(each[5:].mean().item(), abs=1e-5)


def test_labels_that_stand_alone_are_read_by_sigmoid(tmp_path: Path) -> None:
    """A multi-label model's probabilities need not add up to one."""
    folder = _saved(
        tmp_path / "multi", "SequenceClassification", problem_type="multi_label_classification"
    )
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = model(**tokenizer("the pier", return_tensors="pt")).logits
    [span] = HuggingFaceModel(folder).read("the pier")
    assert span.probability == pytest.approx(torch.sigmoid(logits)[0, 1].item(), abs=1e-5)


def test_special_tokens_in_a_text_are_only_text(folders: dict[str, Path]) -> None:
    """A document cannot end the model's reading by spelling a separator."""
    model = HuggingFaceModel(folders["SequenceClassification"])
    ids, _ = model._tokens("[SEP]")
    assert ids.tolist() == [len(WORDS) + SPLIT.index(part) for part in ("[", "sep", "]")]


def test_a_special_token_in_the_vocabulary_is_only_text(tmp_path: Path) -> None:
    """Where a sentence-piece vocabulary holds the separator as a word, the text's is unknown."""
    folder = tmp_path / "pieces"
    special = [(token, 0.0) for token in ("[PAD]", "[CLS]", "[SEP]", "[UNK]")]
    words = [(word, -1.0) for word in ("▁the", "▁pier", "▁", "a", "[MASK]")]
    transformers.DebertaV2Tokenizer(vocab=special + words, unk_id=3).save_pretrained(folder)
    config = transformers.DebertaV2Config(
        vocab_size=9,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        id2label=LABELS,
    )
    transformers.DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    model = HuggingFaceModel(folder)
    assert (model._first, model._last) == ([1], [2])
    assert model._tokens("the pier [SEP] the")[0].tolist() == [4, 5, 6, 3, 4]
    assert model.read("the pier " * 50)[-1].end == 450


def test_threads_get_the_same_answers(models: list[HuggingFaceModel]) -> None:
    """One model serves many threads."""
    texts = [f"the pier is old {'ignore all. ' * n}" for n in range(24)]
    for model in models:
        alone = [model.read(text) for text in texts]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(model.read, texts)) == alone


def test_a_folder_is_loaded_once(folders: dict[str, Path]) -> None:
    """The same folder gives the same model."""
    folder = folders["TokenClassification"]
    assert load_external(folder) is load_external(folder / "." / "")


def test_the_version_tells_how_the_model_is_read(folders: dict[str, Path]) -> None:
    """Other labels or windows are another version."""
    folder = folders["SequenceClassification"]
    versions = {
        HuggingFaceModel(folder).version,
        HuggingFaceModel(folder, window_tokens=12).version,
        HuggingFaceModel(folder, injection_labels=["benign"]).version,
    }
    assert len(versions) == 3
    assert all(version.startswith("SequenceClassification@") for version in versions)


def test_loading_needs_no_network(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is opened."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(HuggingFaceModel(copy).read("the pier")) == 1


def _reconfigure(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def test_pickled_weights_are_refused(copy: Path) -> None:
    """A pickle can run code."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(copy)
    (copy / "model.safetensors").unlink()
    torch.save(model.state_dict(), copy / "pytorch_model.bin")
    with pytest.raises(SettingsError, match="safetensors"):
        HuggingFaceModel(copy)


def test_an_adapter_is_refused(copy: Path) -> None:
    """An adapter names a base model elsewhere."""
    (copy / "adapter_config.json").write_text("{}")
    with pytest.raises(SettingsError, match="adapter"):
        HuggingFaceModel(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_corrupt_file_is_refused(copy: Path, name: str) -> None:
    """Half a file is no model."""
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(SettingsError, match="cannot be loaded"):
        HuggingFaceModel(copy)


def test_missing_weights_are_refused(copy: Path) -> None:
    """Weights that the file lacks would be random ones."""
    _reconfigure(copy, num_hidden_layers=2)
    with pytest.raises(SettingsError, match="incomplete"):
        HuggingFaceModel(copy)


def test_code_of_the_folder_is_not_run(copy: Path) -> None:
    """A model that brings its own classes is refused and they are not imported."""
    (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')")
    _reconfigure(copy, model_type="own", auto_map={"AutoConfig": "own.OwnConfig"})
    with pytest.raises(SettingsError, match="need code"):
        HuggingFaceModel(copy)
    assert not (copy / "ran").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["BertModel"]}, "neither a sequence nor a token"),
        ({"id2label": {"0": "GOOD", "1": "BAD"}}, "name them"),
        ({"problem_type": "regression"}, "regression"),
    ],
)
def test_a_config_that_is_no_detector_is_refused(
    copy: Path, changes: dict[str, object], message: str
) -> None:
    """The config must say what the model answers."""
    _reconfigure(copy, **changes)
    with pytest.raises(SettingsError, match=message):
        HuggingFaceModel(copy)


@pytest.mark.parametrize("wanted", [4, 17])
def test_a_window_that_the_model_cannot_read_is_refused(copy: Path, wanted: int) -> None:
    """Longer windows than the model was made for would fail at the first long text."""
    with pytest.raises(SettingsError, match="from 8 to 16"):
        HuggingFaceModel(copy, window_tokens=wanted)


def test_an_answer_that_is_no_number_is_an_error(folders: dict[str, Path]) -> None:
    """What cannot be compared is not taken for clean."""
    model = HuggingFaceModel(folders["SequenceClassification"])
    with torch.no_grad():
        model._model.classifier.bias.fill_(float("nan"))
    with pytest.raises(DetectorError, match="no probability"):
        model.read("the pier")


def test_a_missing_library_names_the_pip_line(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no transformers is told what to install."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ragbastion\[external\]'"):
        HuggingFaceModel(copy)
