"""The recurrent policy of sb3-contrib, faster on whole trials."""

from __future__ import annotations

from typing import Any

import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from torch import Tensor, nn


class TrialPolicy(RecurrentActorCriticPolicy):  # type: ignore[misc,unused-ignore]
    """Runs an LSTM over a whole sequence in one call where memory is reset at its start alone.

    The sequences of a rollout buffer are cut where an episode starts, so that is all of them when
    training; the results are those of stepping.
    """

    @staticmethod
    def _process_sequence(
        features: Tensor,
        lstm_states: tuple[Tensor, Tensor],
        episode_starts: Tensor,
        lstm: nn.LSTM,
    ) -> Any:  # (its base's annotation is of a pair, not of a pair of a pair)
        n_sequences = lstm_states[0].shape[1]
        starts = episode_starts.reshape(n_sequences, -1)  # (n_sequences, n_steps)
        if torch.any(starts[:, 1:] != 0):
            return RecurrentActorCriticPolicy._process_sequence(  # noqa: SLF001
                features, lstm_states, episode_starts, lstm
            )
        kept = (1.0 - starts[:, 0]).view(1, n_sequences, 1)
        states = (kept * lstm_states[0], kept * lstm_states[1])
        sequence = features.reshape(n_sequences, -1, lstm.input_size).swapaxes(0, 1)
        output, states = lstm(sequence, states)
        return output.swapaxes(0, 1).flatten(0, 1), states
