using System.Collections.Immutable;
using System.Globalization;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Changing;

/// <summary><c>set --wait</c>: until a change is in force in every domain that it concerns, by what the domains themselves signed.</summary>
internal static class InForceWait
{
    private const string NotEnrolled = "not_enrolled";

    /// <summary>Without <c>--timeout</c>.</summary>
    public const int DefaultSeconds = 30;

    /// <summary>The most that <c>--timeout</c> takes.</summary>
    public const int MaxSeconds = 3_600;

    /// <summary>Asks until nothing more can come or the time is over; the last answer. False when none came.</summary>
    public static bool TryWait(Session session, long index, long seconds, out AnswerReader answer, out Failure failure)
    {
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(seconds));
        while (true)
        {
            var left = (deadline.LeftMilliseconds + 999) / 1_000;
            var wait = Math.Min(left, Limits.MaxGrowthWaitSeconds);
            MessageDraft draft = new() { Command = BusCommands.GetInForce, Args = JsonValue.Object(("index", JsonValue.Of(index)), ("wait", JsonValue.Of(wait))) };
            if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
                throw new InvalidOperationException(refusal.Reason);
            if (!Bus.TryAsk(session, envelope, out answer, out failure, wait + BusClient.PatienceSeconds))
                return false;
            if (!answer.IsOk || answer.NumberOf("concerned") is null || answer.NumberOf("in_force") is null)
            {
                failure = new Failure(
                    ExitCode.Refused, $"the change stands, as entry {index}; whether it is in force cannot be asked: {(answer.IsOk ? "the answer is none" : $"{answer.Code}: {answer.Reason}")}", $"An older daemon knows no --wait: {session.RestartDaemon}");
                return false;
            }
            if (IsEverywhere(answer) || IsTrue(answer, "settled") || left <= 0)
                return true;
            // One that answers at once, for too many wait.
            if (wait > 0)
                Task.Delay(TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds), session.Terminal.Clock).Wait();
        }
    }

    /// <summary>Whether all of it is in force wherever it is to be: what concerns no domain is in force nowhere.</summary>
    private static bool IsEverywhere(AnswerReader answer) =>
        answer.NumberOf("concerned") is > 0 and var concerned && answer.NumberOf("in_force") == concerned && !answer.Document.TryGet("unserved", out _);

    /// <summary>Says how it ended; gives the exit status.</summary>
    /// <param name="session">How to speak.</param>
    /// <param name="answer">What was answered last.</param>
    /// <param name="outcome">What became of the change itself.</param>
    /// <param name="change">What it sets.</param>
    /// <param name="seconds">How long was waited at most.</param>
    public static int Show(Session session, AnswerReader answer, AnswerReader outcome, IReadOnlyList<Setting> change, long seconds)
    {
        var (concerned, inForce) = (answer.NumberOf("concerned") ?? 0, answer.NumberOf("in_force") ?? 0);
        if (IsEverywhere(answer))
        {
            if (!session.Json)
                session.Terminal.Print(session.Terminal.OutputPaint.Good(string.Create(CultureInfo.InvariantCulture, $"in force in {Domains(concerned)}")) + "\n");
            return (int)ExitCode.Done;
        }
        List<Fault> faults = [];
        var domains = Items(answer, "lacking").Any(item => Text(item, "state") == NotEnrolled) && KnownDomains.TryRead(session, out var all, out _) ? all : [];
        foreach (var item in Items(answer, "lacking"))
        {
            var (name, state) = (Text(item, "name"), Text(item, "state"));
            faults.Add(new Fault(name, state == NotEnrolled ? Unbelieved(session, name, domains.Find(domain => domain.Name == name), Text(item, "why")) : $"{state}: {Text(item, "why")}{(state == ReportedKey.Staged ? Which(change, outcome) : "")}"));
        }
        if (concerned - inForce > faults.Count)
            faults.Add(new Fault("", string.Create(CultureInfo.InvariantCulture, $"and {concerned - inForce - faults.Count} more")));
        var unserved = Items(answer, "unserved").Select(item => item.TryGetString(out var name) ? name : "").ToHashSet(StringComparer.Ordinal);
        var lonely = change.Where(setting => concerned == 0 || unserved.Contains(setting.Key.Name)).ToList();
        faults.AddRange(lonely.Select(setting => new Fault(setting.Key.Name, WhyNowhere(setting.Key, outcome))));
        var end = IsTrue(answer, "settled") ? "" : string.Create(CultureInfo.InvariantCulture, $" after {seconds} s");
        var where = concerned == 0 ? "concerns no domain" : string.Create(CultureInfo.InvariantCulture, $"is in force in {inForce} of {Domains(concerned)}{end}");
        var mend = concerned > 0 ? "What each says: qwamosctl status"
            : lonely.Exists(setting => !IsStaged(setting.Key, outcome)) ? $"Name the domain with its class and its link in {session.Paths.DomainsConfigFile}, and restart qwamosd: {session.RestartDaemon}"
            : "At the boot: qwamosctl boot status";
        session.Terminal.Complain($"the change stands, and {where}", session.Placed(mend), faults);
        return (int)ExitCode.Refused;
    }

    /// <summary>Why its word does not count, and the command that has it count; of one that was not heard, what is wrong with its link.</summary>
    private static string Unbelieved(Session session, string name, KnownDomain? domain, string why) =>
        domain is { EnrolCommand: null, Link: { } link } ? $"{why}, and it was not heard yet: {link}" : $"{why}: {session.Placed(domain?.EnrolCommand ?? $"qwamosctl domains enroll {SafePath.Quote(name)}")}";

    /// <summary>Which keys of the change wait, and which do not: before that start the domain says nothing of it.</summary>
    private static string Which(IReadOnlyList<Setting> change, AnswerReader outcome)
    {
        var waiting = change.Where(setting => IsStaged(setting.Key, outcome)).Select(setting => setting.Key.Name).ToList();
        var acting = change.Select(setting => setting.Key.Name).Except(waiting, StringComparer.Ordinal).ToList();
        return waiting.Count == 0 || acting.Count == 0 ? "" : $": {string.Join(", ", waiting)} {(waiting.Count == 1 ? "waits" : "wait")}; {string.Join(", ", acting)} {(acting.Count == 1 ? "does" : "do")} not, see the status";
    }

    /// <summary>Why no domain says of a key that it is in force.</summary>
    private static string WhyNowhere(PolicyKey key, AnswerReader outcome) =>
        IsStaged(key, outcome) ? "waits for a reboot"
        : key.Class == PolicyKey.ClassAll ? "no domain is named in domains.json, or none that --audience names"
        : $"no domain of class {key.Class} is named in domains.json, or none that --audience names";

    private static bool IsStaged(PolicyKey key, AnswerReader outcome) =>
        outcome.ObjectOf("result") is { } result && result.TryGet("reboot_staged", out var list) && list.Kind == JsonKind.Array && list.Items.Contains(JsonValue.Of(key.Name));

    /// <summary>The member <c>in_force</c> of what is printed as JSON.</summary>
    public static JsonValue ToJson(AnswerReader answer) => JsonValue.Object(answer.Document.Members.Where(member => member.Key != "status").Select(member => (member.Key, member.Value)));

    private static ImmutableArray<JsonValue> Items(AnswerReader answer, string name) => answer.Document.TryGet(name, out var list) && list.Kind == JsonKind.Array ? list.Items : [];

    private static string Domains(long count) => string.Create(CultureInfo.InvariantCulture, $"{count} domain{(count == 1 ? "" : "s")}");

    private static bool IsTrue(AnswerReader answer, string name) => answer.Document.TryGet(name, out var value) && value is { Kind: JsonKind.Boolean, AsBoolean: true };

    private static string Text(JsonValue item, string name) => item.Kind == JsonKind.Object && item.TryGet(name, out var value) && value.TryGetString(out var text) ? text : "";
}
