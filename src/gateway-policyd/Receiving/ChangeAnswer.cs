using System.Text.Json;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Receiving;

/// <summary>The answer to an accepted change: a sentence, its entry, the lists that the authority would give, and that it is a domain's: who asked looks for no checkpoint in it.</summary>
internal sealed class ChangeAnswer(GatewayConfig domain) : IChangeAnswer
{
    public void Write(Utf8JsonWriter json, CommittedChange change)
    {
        int applied = change.Outcome.Applied.Count, staged = change.Outcome.Staged.Count;
        json.WriteString("message"u8, (applied, staged) switch
        {
            (0, 0) => "policy accepted: nothing changes here",
            (0, _) => $"policy accepted: {Keys(staged)} at the next start",
            (_, 0) => $"policy accepted: {Keys(applied)}",
            _ => $"policy accepted: {Keys(applied)}, and {Keys(staged)} at the next start",
        });
        json.WriteNumber("index"u8, change.Index);
        json.WriteStartObject("result"u8);
        AnswerLists.Write(json, "runtime_applied"u8, change.Outcome.Applied);
        AnswerLists.Write(json, "reboot_staged"u8, change.Outcome.Staged);
        AnswerLists.Write(json, "unstaged"u8, change.Outcome.Unstaged);
        json.WriteEndObject();
        json.WriteStartObject("domain"u8);
        json.WriteString("name"u8, domain.Name);
        json.WriteString("class"u8, domain.Class);
        json.WriteEndObject();
    }

    private static string Keys(int count) => count == 1 ? "1 key" : $"{count} keys";
}
