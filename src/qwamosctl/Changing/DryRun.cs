using System.Globalization;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Changing;

/// <summary>
/// Shows a message without signing it: a signed one in a scrollback could be sent by whoever reads it within the freshness window.
/// No change is sent and no key is opened or made: of the daemon only the hashes are asked that the change would name as its base. What would happen is told by the schema alone; what the
/// daemon holds may make it refuse.
/// </summary>
internal static class DryRun
{
    /// <summary>The terms with what the change builds upon, as it is now, where that can be found out without a key.</summary>
    public static ChangeTerms WithBase(Session session, IReadOnlyList<Setting> change, ChangeTerms terms)
    {
        if (terms.Base is not null || !PolicyBase.IsFor(change))
            return terms;
        if (PolicyBase.IsSecret(change))
            session.Terminal.Note("When it is sent, it names as its base what is set then. That of confidential keys is asked with your signature, so it is not here.");
        else if (PolicyBase.TryAsk(session, null, null, change, out var bases, out var failure))
            return terms with { Base = bases };
        else
            session.Terminal.Note($"When it is sent, it names as its base what is set then. That is not known here: {failure.Reason}");
        return terms;
    }

    public static int Show(Session session, IReadOnlyList<(IReadOnlyList<Setting> Change, MessageDraft Draft)> messages)
    {
        foreach (var (change, draft) in messages)
        {
            if (!EnvelopeWriter.TryBuild(draft, out var message, out var refusal))
                return session.Fail(Failure.Usage(refusal.Reason));
            session.Terminal.Print(session.Json ? JsonPrinter.Print(ToJson(change, draft, message)) + "\n" : ToText(change, draft, message));
        }
        return (int)ExitCode.Done;
    }

    private static string ToText(IReadOnlyList<Setting> change, MessageDraft draft, Message message)
    {
        StringBuilder text = new();
        text.Append("message\n");
        foreach (var (name, value) in message.Document.Members)
            text.Append("  ").Append(name.PadRight(10)).Append("  ").Append(KeyText.Of(value)).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"\ncanonical bytes ({message.Canonical.Length}), what would be signed\n  ");
        text.Append(SafeText.ForTerminal(message.Canonical.Span)).Append('\n');
        text.Append("\nwhat would happen\n");
        foreach (var setting in change)
            text.Append("  ").Append(Outcome(setting, draft)).Append(setting.Shown).Append('\n');
        foreach (var warning in Warnings(change))
            text.Append("  ").Append(warning).Append('\n');
        return text.Append("\nNothing was signed, and no change was sent.\n").ToString();
    }

    private static string Outcome(Setting setting, MessageDraft draft) => IsStaged(setting, draft)
        ? $"waits for a reboot, then for {setting.Key.Class}:  "
        : $"applies now, for {setting.Key.Class}:  ";

    private static IEnumerable<string> Warnings(IReadOnlyList<Setting> change) =>
        from setting in change
        where setting.Key.IsEvent && EventValues.IsFire(setting.Value)
        select $"{setting.Key.Name} = {EventValues.Fire} happens once and cannot be undone";

    private static bool IsStaged(Setting setting, MessageDraft draft) => draft.Mode == "staged" || setting.Key.Apply == PolicyApply.Reboot;

    private static JsonValue ToJson(IReadOnlyList<Setting> change, MessageDraft draft, Message message) => JsonValue.Object(
    [
        ("status", JsonValue.Of("ok")),
        ("dry_run", JsonValue.Of(true)),
        ("msg", message.Document),
        ("canonical", JsonValue.Of(Encoding.UTF8.GetString(message.Canonical.Span))),
        ("would_apply", Names(change.Where(setting => !IsStaged(setting, draft)))),
        ("would_stage", Names(change.Where(setting => IsStaged(setting, draft)))),
    ]);

    private static JsonValue Names(IEnumerable<Setting> settings) => JsonValue.Array(settings.Select(setting => JsonValue.Of(setting.Key.Name)));
}
