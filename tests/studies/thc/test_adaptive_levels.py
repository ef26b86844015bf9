from beforehand.studies.thc import adaptive_levels
from beforehand.workloads.gradient_samples import gradients


def test_adaptive_wins_where_gradients_are_sparse_and_loses_where_they_are_dense():
    real = {"noise, step 0": gradients("normal", size=4096, seed=2)["gradient"]}
    found, spent = adaptive_levels.beside(real), adaptive_levels.costs(2**14)
    judged = adaptive_levels.serves(found, spent)
    assert judged.holds
    assert "noise, step 0" in judged.figure
    assert spent["Adaptive, 4096"][1] > 3 * spent["published table"][1]
    shown = adaptive_levels.sheet(found, spent)
    assert {len(row) for row in shown.rows} == {len(shown.columns)}
    assert [row[0] for row in shown.rows][-3:] == [
        "noise, step 0",
        "*bytes for each parameter*",
        "*ns for each coordinate*",
    ]


def test_the_verdict_follows_from_sparse_and_dense_samples():
    spent = dict.fromkeys(adaptive_levels.CODECS, (1.0, 1.0))

    def judged(dense, sparse):
        errors = {"normal": dense, "sparse": sparse}
        found = [
            adaptive_levels.Beside(name, 1.0, dict.fromkeys(adaptive_levels.CODECS, error))
            for name, error in errors.items()
        ]
        return adaptive_levels.serves(found, spent)

    assert judged(1.2, 0.5).holds
    assert not judged(0.9, 0.5).holds
    assert not judged(1.2, 0.8).holds
    assert judged(1.2, 0.8).direction
    assert not judged(1.2, 1.1).direction
