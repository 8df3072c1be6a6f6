"""The cell as a gymnasium environment: one step is one cycle, the action its governed parameters.

Importing it registers `ENV_ID`; `gymnasium.make("workcell_sim.gym:workcell/Cell-v0", backend="cell")` does so itself.
"""

import gymnasium

ENV_ID = "workcell/Cell-v0"

if ENV_ID not in gymnasium.registry:
    gymnasium.register(id=ENV_ID, entry_point="workcell_sim.gym.make:make_env")
