"""One module a model (`build_model`, `search_space`), and what every model shares: training and export."""
