using System.Collections.Frozen;
using System.Text.Json;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Auditing;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// What the sender of an accepted change is told (DESIGN section 3, answers), and the newest checkpoint: it may be of the moment before the change.
/// </summary>
internal sealed class ChangeAnswer(Checkpoints checkpoints, PolicySchema schema, DaemonConfig config) : IChangeAnswer
{
    /// <summary>Keys that nothing acts on, whatever they are set to: no domain that takes them is named.</summary>
    private readonly FrozenSet<string> _unserved =
        [.. schema.Keys.Where(key => key.Apply == PolicyApply.Runtime && (key.Class == PolicyKey.ClassAll ? config.Gateways.Count == 0 : !config.Serves(key.Class))).Select(key => key.Name)];

    public void Write(Utf8JsonWriter json, CommittedChange change)
    {
        json.WriteStartObject("result"u8);
        AnswerLists.Write(json, "runtime_applied"u8, change.Outcome.Applied);
        AnswerLists.Write(json, "reboot_staged"u8, change.Outcome.Staged);
        if (change.Outcome.Unstaged.Count > 0)
            AnswerLists.Write(json, "unstaged"u8, change.Outcome.Unstaged);
        json.WriteEndObject();
        if (change.Outcome.Applied.Any(_unserved.Contains))
            AnswerLists.Write(json, "unserved"u8, [.. change.Outcome.Applied.Where(_unserved.Contains)]);
        json.WriteNumber("index"u8, change.Index);
        checkpoints.Made?.WriteMembers(json);
    }
}
