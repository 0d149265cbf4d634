from tests.api.conftest import cast, cleo, hana, rhea

__all__ = ["cast", "cleo", "hana", "rhea"]
