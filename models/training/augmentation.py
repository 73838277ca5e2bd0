"""Random rotation, shift, shear, zoom and mirroring of training images.

Only the pipeline of training batches uses it; no model and no serving signature contains it. The last epochs may train
on unchanged images, so that the model fits the images that are served (He et al., "Data augmentation revisited", 2019,
arXiv 1909.09148).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi

import tensorflow as tf

from core.errors import SluiceError
from models.features import FeatureSpec
from models.layers import is_image
from models.training.config import AugmentationSettings

RAW_OPERATION = "ImageProjectiveTransformV3"


@dataclass(frozen=True)
class Warp:
    """The limits of the random transformation; each image draws its own, uniformly between the limits."""

    rotation: float = 0.0  # degrees to either side
    shift: float = 0.0  # share of the height and of the width, in each direction
    shear: float = 0.0  # pixels sideways a pixel of height, to either side
    zoom: float = 0.0  # share by which height and width shrink or grow, each by its own draw
    horizontal_flip: bool = False  # every second image is mirrored left to right
    for_epochs: int | None = None  # later epochs leave images unchanged

    def __call__(self, columns: Mapping[str, tf.Tensor], seed: tf.Tensor, epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        """The features of a batch with every image warped, while `epoch`, counted from 0, is below `for_epochs`.
        `seed` has shape [2]; the same seed gives the same warp."""
        images = {name: column for name, column in columns.items() if len(column.shape) == 4}
        if self.for_epochs is None:
            return {**columns, **self._all_warped(images, seed)}
        plain = epoch >= self.for_epochs
        return {**columns, **tf.cond(plain, lambda: images, lambda: self._all_warped(images, seed))}

    def _all_warped(self, images: Mapping[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {name: self.warped(image, seed) for name, image in images.items()}

    def warped(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Warps images of shape [batch, height, width, channels]; pixels from outside repeat the nearest border."""
        rows, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=self._transforms(rows, tf.cast(height, tf.float32), tf.cast(width, tf.float32), seed),
            output_shape=tf.stack([height, width]),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )

    def _transforms(self, rows: tf.Tensor, height: tf.Tensor, width: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """For each image the eight numbers that map a position in the result to one in the image."""
        draws = tf.random.stateless_uniform([7, rows], seed, -1.0, 1.0)
        angle, slant = draws[0] * (self.rotation * pi / 180), draws[1] * self.shear
        down, right = draws[2] * (self.shift * height), draws[3] * (self.shift * width)
        tall, wide = 1 + draws[4] * self.zoom, 1 + draws[5] * self.zoom
        mirror = tf.where(draws[6] < 0, -1.0, 1.0) if self.horizontal_flip else tf.ones([rows])
        cosine, sine = tf.cos(angle), tf.sin(angle)
        # x' = a·x + b·y, y' = c·x + d·y about the centre: mirror and stretch, then slant, then turn.
        a, b = cosine * mirror * wide, (cosine * slant - sine) * tall
        c, d = sine * mirror * wide, (sine * slant + cosine) * tall
        x, y = (width - 1) / 2, (height - 1) / 2
        nothing = tf.zeros([rows])
        columns = [a, b, x + right - a * x - b * y, c, d, y + down - c * x - d * y, nothing, nothing]
        return tf.stack(columns, axis=1)


def warp_for(limits: AugmentationSettings | None, features: FeatureSpec) -> Warp | None:
    """The warp that the configuration asks for.

    Raises:
      SluiceError: when no feature is an image.
    """
    if limits is None:
        return None
    if not any(is_image(spec) for spec in features.values()):
        raise SluiceError(
            "`train.augmentation` is for images, and no feature has the shape [height, width, channels]",
            "Switch it off:  --set train.augmentation=null",
        )
    return Warp(**limits.model_dump())
