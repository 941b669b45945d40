mod attacker;
mod bundles;
mod exports;
mod hostile;
mod texts;
