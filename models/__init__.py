"""One module for each model (`build_model`, `search_space`), and the code that all share: training, search, export."""
