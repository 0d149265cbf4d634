import numpy as np
import pytest

from heirloom.crypto import rotation
from heirloom.crypto.models import DataKey

ROOT = bytes(range(32))
ROTATION = rotation.derived_rotation(ROOT, "dlib_resnet_v1")


@pytest.mark.parametrize("dimensions", [128, 512])
def test_every_cosine_is_kept_within_a_millionth(dimensions: int) -> None:
    plain = np.random.default_rng(1).normal(size=(40, dimensions))
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    turned = np.stack([ROTATION.protect(vector) for vector in plain]).astype(np.float64)
    assert np.abs(turned @ turned.T - plain @ plain.T).max() < 1e-6


def test_the_transform_is_orthogonal_and_far_from_the_identity() -> None:
    matrix = rotation.orthogonal_matrix(ROTATION.secret, 128)
    assert np.abs(matrix @ matrix.T - np.eye(128)).max() < 1e-12
    assert np.abs(np.diag(matrix)).mean() < 0.2


def test_the_length_of_the_vector_does_not_matter() -> None:
    vector = np.arange(1.0, 129.0)
    assert np.allclose(ROTATION.protect(vector), ROTATION.protect(vector * 1000), atol=1e-7)


def test_another_model_or_root_turns_otherwise() -> None:
    vector = np.arange(1.0, 129.0)
    others = [rotation.derived_rotation(ROOT, "sface"), rotation.derived_rotation(bytes(32), "dlib_resnet_v1")]
    turned = [item.protect(vector) for item in (ROTATION, *others)]
    assert all(abs(float(turned[0] @ other)) < 0.5 for other in turned[1:])
    assert len({ROTATION.fingerprint, *(other.fingerprint for other in others)}) == 3


@pytest.mark.parametrize("vector", [np.zeros(128), np.full(128, np.nan), np.ones((2, 128)), np.array([])])
def test_what_is_not_one_vector_is_refused(vector: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vector"):
        ROTATION.protect(vector)


def test_the_transform_never_changes_between_versions_and_machines() -> None:
    turned = ROTATION.protect(np.arange(1.0, 129.0))
    assert ROTATION.fingerprint == "435e531292c1d9cd"
    assert np.allclose(turned[:4], [-0.004355981, -0.064756684, 0.023872070, 0.160523444], atol=1e-7)
    assert turned.dtype == np.float32


@pytest.mark.django_db
def test_the_secret_is_kept_sealed_in_the_database_and_is_the_same_every_time() -> None:
    first = rotation.protect(np.arange(1.0, 129.0), "sface")
    assert np.array_equal(first, rotation.protect(np.arange(1.0, 129.0), "sface"))
    assert rotation.fingerprint("sface") == rotation.rotation("sface").fingerprint
    assert DataKey.objects.filter(subject=rotation.SEARCH_SUBJECT).count() == 1
