using Qwamos.Client.Showing;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client;

/// <summary>
/// Why a command stopped: the exit status, one plain sentence, and how to mend it. What the daemon refused is not this: its own
/// answer is shown.
/// </summary>
/// <param name="Exit">The exit status, never <see cref="ExitCode.Done"/>.</param>
/// <param name="Reason">One sentence, without the final full stop.</param>
/// <param name="Mend">What to do about it, or null when the sentence says it.</param>
/// <param name="Faults">What is wrong with each key, in the daemon's own form.</param>
/// <param name="RefusalCode">The daemon's code, where it refused what the command had to ask; null where the client itself stopped.</param>
internal sealed record Failure(ExitCode Exit, string Reason, string? Mend = null, IReadOnlyList<Fault>? Faults = null, string? RefusalCode = null)
{
    /// <summary>The <c>code</c> of the JSON form; these four are the client's own and no daemon sends them.</summary>
    public string Code => RefusalCode ?? Exit switch
    {
        ExitCode.Usage => "usage",
        ExitCode.NotReachable => "not_reachable",
        ExitCode.KeyProblem => "key_problem",
        _ => "failed",
    };

    public static Failure Usage(string reason, string? mend = null) => new(ExitCode.Usage, reason, mend);

    /// <summary>Says it: the sentence to standard error and, where JSON was asked for, an object like a daemon's refusal to standard output.</summary>
    public int Report(Terminal terminal, bool json)
    {
        terminal.Complain(Reason, Mend, Faults);
        if (json)
            terminal.Print(JsonPrinter.Print(ToJson()) + "\n");
        return (int)Exit;
    }

    private JsonValue ToJson()
    {
        List<(string, JsonValue)> members =
        [
            ("status", JsonValue.Of("error")),
            ("reason", JsonValue.Of(Reason)),
            ("code", JsonValue.Of(Code)),
        ];
        if (Mend is not null)
            members.Add(("mend", JsonValue.Of(Mend)));
        if (Faults is not null)
            members.Add(("faults", JsonValue.Array(Faults.Select(ToJson))));
        return JsonValue.Object(members);
    }

    private static JsonValue ToJson(Fault fault) =>
        JsonValue.Object([("key", JsonValue.Of(fault.Key)), ("reason", JsonValue.Of(fault.Reason))]);
}
