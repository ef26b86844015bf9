import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.studies.skip_predict import traces

ROWS = "2023-11-16 18:00:00,10,4\n2023-11-16 18:00:01,20,1\n2023-11-16 18:00:02,5,1\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("AzureLLMInferenceTrace_code", "AzureLLMInferenceTrace_conv"):
        (tmp_path / f"{name}.csv").write_text(f"TIMESTAMP,ContextTokens,GeneratedTokens\n{ROWS}")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    return tmp_path


def test_a_folder_gives_the_files_of_the_trace_and_no_others(folder):
    assert [path.name for path in traces.files(folder)] == [
        "AzureLLMInferenceTrace_code.csv",
        "AzureLLMInferenceTrace_conv.csv",
    ]


def test_services_are_named_after_their_files(folder):
    source, found = traces.services(folder, quick=True)
    assert [service.name for service in found] == ["code", "conv"]
    assert source.startswith(
        "the public Azure LLM inference trace 2023 (AzurePublicDataset), AzureLLMInferenceTrace_code.csv"
    )
    assert found[0].log.size.tolist() == [2, 0.5, 0.5, 2, 0.5, 0.5]
    assert len(traces.services(folder / "AzureLLMInferenceTrace_conv.csv", quick=True)[1]) == 1


@pytest.mark.parametrize("name", ["other.csv", "none.csv"])
def test_other_files_are_refused(folder, name):
    with pytest.raises(InvalidInput, match=f"{name}', but no Azure LLM inference trace is there; pass its csv"):
        traces.files(folder / name)


def test_without_data_lengths_are_generated_and_labelled_so():
    source, found = traces.services(None, quick=True)
    assert source.startswith("generated with the quantiles of")
    assert [service.name for service in found] == ["code", "conv"]
    assert found[0].log.mean == pytest.approx(1)


def test_copies_have_errors_of_their_own():
    log = traces.noisy(np.array([1.0, 3.0]), 2)
    assert log.size.tolist() == [0.5, 1.5, 0.5, 1.5]
    assert len(set(log.cheap)) == 4
    assert len(set(log.expensive)) == 4


def test_a_table_of_plans_names_first_and_second(folder):
    begun = []
    found = traces.measure(True, folder, begun.append)
    rows = traces.sheet(found).rows
    assert len(begun) == 1
    assert [row[:2] for row in rows] == [["code", "0.5"], ["code", "0.7"], ["code", "0.9"]]
    assert "(AzurePublicDataset), AzureLLMInferenceTrace_code.csv" in traces.sheet(found).below
    assert traces.depends(found).figure.startswith("cheapest in 6 settings of service, load and prices: ")
