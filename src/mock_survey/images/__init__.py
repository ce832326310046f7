"""Cut-outs as the Legacy Surveys have them."""
