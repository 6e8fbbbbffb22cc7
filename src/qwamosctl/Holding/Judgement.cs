namespace Qwamos.Client.Holding;

/// <summary>What an agent thinks of bytes that it is to sign.</summary>
/// <param name="Reason">Why it refuses, or asks.</param>
/// <param name="Line">What they are, for its log, without confidential values.</param>
/// <param name="Details">What they are, for the person who is asked: lines that a terminal may show.</param>
internal sealed record Judgement(Verdict Verdict, string Reason, string Line, IReadOnlyList<string> Details)
{
    public static Judgement Refused(string reason) => new(Verdict.Refuse, reason, "", []);
}
