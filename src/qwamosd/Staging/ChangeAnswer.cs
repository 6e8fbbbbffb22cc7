using System.Text.Json;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.Daemon.Auditing;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// What the sender of an accepted change is told (DESIGN section 3, answers), and the newest checkpoint: it may be of the moment before the change.
/// </summary>
internal sealed class ChangeAnswer(Checkpoints checkpoints) : IChangeAnswer
{
    public void Write(Utf8JsonWriter json, CommittedChange change)
    {
        json.WriteStartObject("result"u8);
        AnswerLists.Write(json, "runtime_applied"u8, change.Outcome.Applied);
        AnswerLists.Write(json, "reboot_staged"u8, change.Outcome.Staged);
        if (change.Outcome.Unstaged.Count > 0)
            AnswerLists.Write(json, "unstaged"u8, change.Outcome.Unstaged);
        json.WriteEndObject();
        json.WriteNumber("index"u8, change.Index);
        checkpoints.Made?.WriteMembers(json);
    }
}
