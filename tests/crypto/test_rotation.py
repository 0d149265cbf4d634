import numpy as np
import pytest

from heirloom.crypto import rotation
from heirloom.crypto.models import DataKey

ROOT = bytes(range(32))
ROTATION = rotation.derived_rotation(ROOT, "dlib_resnet_v1")
CENTER = np.eye(128)[0] * 0.9
CENTERED = rotation.derived_rotation(ROOT, "dlib_resnet_v1", CENTER)


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
    first = rotation.rotation("sface")
    again, centered = rotation.rotations("sface", [None, CENTER])
    assert np.array_equal(*(item.protect(np.arange(1.0, 129.0)) for item in (first, again)))
    assert (again.fingerprint, again.secret) == (first.fingerprint, centered.secret)
    assert DataKey.objects.filter(subject=rotation.SEARCH_SUBJECT).count() == 1


def test_around_a_center_a_narrow_cone_is_spread_and_who_is_nearest_stays() -> None:
    plain = CENTER + np.random.default_rng(1).normal(size=(40, 128)) * 0.03
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    rest = plain - CENTER
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    turned = CENTERED.protect_each(plain).astype(np.float64)
    assert (plain @ plain.T).min() > 0.8
    assert np.abs(turned @ turned.T - rest @ rest.T).max() < 1e-6
    assert (turned @ turned.T).min() < -0.2


def test_the_fingerprint_changes_with_the_center_and_the_transform_does_not() -> None:
    assert CENTERED.secret == ROTATION.secret
    moved = rotation.derived_rotation(ROOT, "dlib_resnet_v1", CENTER + 1e-6)
    assert len({ROTATION.fingerprint, CENTERED.fingerprint, moved.fingerprint}) == 3
    assert CENTERED.fingerprint == "5c03c2f6d93a24dd"


@pytest.mark.parametrize("scale", [1.0, 1 + 1e-9])
def test_what_equals_the_center_keeps_its_own_direction(scale: float) -> None:
    center = np.eye(128)[3] * scale
    item = rotation.derived_rotation(ROOT, "dlib_resnet_v1", center)
    assert np.allclose(item.protect(np.eye(128)[3]), ROTATION.protect(np.eye(128)[3]))


def test_a_center_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="a center of 128"):
        CENTERED.protect(np.ones(64))
