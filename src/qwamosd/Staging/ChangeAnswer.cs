using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.Daemon.Auditing;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// What the sender of an accepted change is told (DESIGN section 3, answers), and the newest checkpoint: it may be of the moment before the change.
/// </summary>
internal sealed class ChangeAnswer(Checkpoints checkpoints) : IChangeAnswer
{
    public IEnumerable<(string Name, JsonValue Value)> Describe(CommittedChange change)
    {
        List<(string, JsonValue)> result =
        [
            ("runtime_applied", JsonValue.Array(change.Outcome.Applied)),
            ("reboot_staged", JsonValue.Array(change.Outcome.Staged)),
        ];
        if (change.Outcome.Unstaged.Count > 0)
            result.Add(("unstaged", JsonValue.Array(change.Outcome.Unstaged)));
        return [("result", JsonValue.Object(result)), ("index", JsonValue.Of(change.Index)), .. checkpoints.Carried];
    }
}
