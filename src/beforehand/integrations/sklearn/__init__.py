"""Adaptive quantization as a transformer of scikit-learn."""

from beforehand.core.errors import MissingDependency

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise MissingDependency("AdaptiveQuantizer needs scikit-learn; pip install 'beforehand[sklearn]'") from error

from beforehand.integrations.sklearn.adaptive_quantizer import AdaptiveQuantizer

__all__ = ["AdaptiveQuantizer"]
