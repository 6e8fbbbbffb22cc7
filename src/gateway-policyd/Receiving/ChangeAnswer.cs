using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Receiving;

/// <summary>The answer to an accepted change: a sentence, its entry, and the lists that the authority would give.</summary>
internal sealed class ChangeAnswer : IChangeAnswer
{
    public IEnumerable<(string Name, JsonValue Value)> Describe(CommittedChange change)
    {
        int applied = change.Outcome.Applied.Count, staged = change.Outcome.Staged.Count;
        yield return ("message", JsonValue.Of((applied, staged) switch
        {
            (0, 0) => "policy accepted: nothing changes here",
            (0, _) => $"policy accepted: {Keys(staged)} at the next start",
            (_, 0) => $"policy accepted: {Keys(applied)}",
            _ => $"policy accepted: {Keys(applied)}, and {Keys(staged)} at the next start",
        }));
        yield return ("index", JsonValue.Of(change.Index));
        yield return ("result", JsonValue.Object(
        [
            ("runtime_applied", Names(change.Outcome.Applied)),
            ("reboot_staged", Names(change.Outcome.Staged)),
            ("unstaged", Names(change.Outcome.Unstaged)),
        ]));
    }

    private static string Keys(int count) => count == 1 ? "1 key" : $"{count} keys";

    private static JsonValue Names(IEnumerable<string> names) => JsonValue.Array(names.Select(JsonValue.Of));
}
