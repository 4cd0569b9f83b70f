"""Pictures by the million, and styles by the dozen, on the machines of a Ray cluster.

``dispatch`` knows who has which batch, without Ray and without a clock; ``crew`` holds the workers of a cluster;
``worker`` is what runs in each of them; ``stylize`` and ``train`` are the two jobs there are.
"""
