"""One package a page: view-model and presenter without Qt, view and model with it."""
