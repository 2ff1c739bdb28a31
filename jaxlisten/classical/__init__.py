"""Classical models on features of whole clips: what a network has to be better than.

k-means and the k nearest neighbours run on the device; the other classifiers are scikit-learn's
(``pip install 'jaxlisten[compare]'``). `jaxlisten.compare` sets them all beside a network.
"""

from jaxlisten.classical.clusters import Clusters, choose_clusters, elbow, silhouette, silhouette_samples
from jaxlisten.classical.describe import Described, describe
from jaxlisten.classical.families import FAMILIES, Classifier, Family, Trained, train
from jaxlisten.classical.kmeans import KMeans, kmeans
from jaxlisten.classical.neighbours import Nearest, Neighbours, nearest
from jaxlisten.classical.regions import Regions, regions, two_features

__all__ = [
    "FAMILIES",
    "Classifier",
    "Clusters",
    "Described",
    "Family",
    "KMeans",
    "Nearest",
    "Neighbours",
    "Regions",
    "Trained",
    "choose_clusters",
    "describe",
    "elbow",
    "kmeans",
    "nearest",
    "regions",
    "silhouette",
    "silhouette_samples",
    "train",
    "two_features",
]
