using System.Globalization;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Auditing;

/// <summary>What the audit commands say.</summary>
internal static class AuditText
{
    private const int MaxBeginnings = 8;

    public static IEnumerable<(string, JsonValue)> Members(Checkpoint checkpoint) =>
    [
        ("origin", JsonValue.Of(checkpoint.Origin)),
        ("size", JsonValue.Of(checkpoint.Size)),
        ("root_hash", JsonValue.Of(checkpoint.RootHex)),
        ("signed", JsonValue.Of(checkpoint.TimeSeconds!.Value)),
    ];

    /// <summary>Unix seconds for a person, in UTC.</summary>
    public static string Time(long seconds) => seconds <= Limits.MaxShownSeconds
        ? DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)
        : "beyond the calendar ";

    public static string Describe(AuditReport report, IReadOnlyList<VerifyingKey> signers, string trust)
    {
        var checkpoint = report.Checkpoint!;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"sound       {report.Entries} {Entries(report.Entries)}: every hash and leaf, the tree and the fold\n");
        text.Append(CultureInfo.InvariantCulture, $"ledger      {SafeText.ForTerminal(checkpoint.Origin)}\n");
        text.Append(CultureInfo.InvariantCulture, $"its key     {trust}\n");
        text.Append(CultureInfo.InvariantCulture, $"signed      {Time(checkpoint.TimeSeconds!.Value)} by its clock\n");
        text.Append(CultureInfo.InvariantCulture, $"root hash   {checkpoint.RootHex}\n");
        text.Append(CultureInfo.InvariantCulture, $"signatures  {report.Signatures} verified\n");
        foreach (var signer in signers)
            text.Append(CultureInfo.InvariantCulture, $"signer      {signer.Id}\n");
        foreach (var (witness, time) in report.Witnesses)
            text.Append(CultureInfo.InvariantCulture, $"cosigned    {SafeText.ForTerminal(witness.Name)}, {Time(time)} by its clock\n");
        if (report.State.Trust.Root is { } root)
            text.Append(CultureInfo.InvariantCulture, $"trust root  version {root.Version}, each verified from the signer on\n");
        foreach (var index in report.BegunAnew.TakeLast(MaxBeginnings))
            text.Append(CultureInfo.InvariantCulture, $"begun anew  the trust began anew at entry {index}: by the ledger's word, root replaced the enrolled key there\n");
        if (report.BegunAnew.Count > MaxBeginnings)
            text.Append(CultureInfo.InvariantCulture, $"begun anew  and {report.BegunAnew.Count - MaxBeginnings} times before\n");
        if (report.Disowned > 0)
            text.Append(CultureInfo.InvariantCulture, $"disowned    {report.Disowned} {Entries(report.Disowned)}, by keys that were revoked from before them on\n");
        if (report.Withheld > 0)
            text.Append(CultureInfo.InvariantCulture, $"left out    {report.Withheld} confidential {(report.Withheld == 1 ? "envelope" : "envelopes")}: in the tree by hash; signature and values not checked\n");
        if (report.UncheckedLines > 0)
            text.Append(CultureInfo.InvariantCulture, $"not checked {OtherLines(report.UncheckedLines)}; see --witnesses\n");
        return text.ToString();
    }

    public static string OtherLines(int count) => string.Create(CultureInfo.InvariantCulture, $"{count} signature {(count == 1 ? "line" : "lines")} of other keys under the checkpoint");

    /// <summary>What to do about a fault; null when its sentence says all.</summary>
    /// <param name="reason">The fault.</param>
    /// <param name="isKeyGiven">The ledger's key was named on the command line, not found here.</param>
    public static string? Mend(string reason, bool isKeyGiven) =>
        AuditFault.IsUnknownSigner(reason) ? "Give each earlier operator's public key: --signer FILE, more than once; docs/keys.md says which to keep"
        : AuditFault.IsOfOtherKey(reason) && !isKeyGiven ? "It is the key known here now. What an earlier key of this ledger signed is checked with that one: --key OLD-KEY"
        : null;

    public static JsonValue ToJson(AuditReport report, string trust)
    {
        List<(string, JsonValue)> members = [("status", JsonValue.Of(report.IsSound ? "ok" : "error"))];
        if (report.Fault is { } fault)
        {
            members.Add(("reason", JsonValue.Of(fault.ToString())));
            members.Add(("code", JsonValue.Of("failed")));
            members.Add(("place", JsonValue.Of(fault.Place)));
            if (fault.Index is { } index)
                members.Add(("index", JsonValue.Of(index)));
        }
        if (report.Checkpoint is { } checkpoint)
            members.AddRange(Members(checkpoint));
        members.Add(("trust", JsonValue.Of(trust)));
        members.Add(("entries", JsonValue.Of(report.Entries)));
        members.Add(("signatures", JsonValue.Of(report.Signatures)));
        members.Add(("cosigned_by", JsonValue.Array(report.Witnesses.Select(cosigned => cosigned.Witness.ToString()))));
        members.Add(("left_out", JsonValue.Of(report.Withheld)));
        members.Add(("trust_root", JsonValue.Of(report.State.Trust.Version)));
        members.Add(("begun_anew", JsonValue.Array(report.BegunAnew.Select(JsonValue.Of))));
        members.Add(("disowned", JsonValue.Of(report.Disowned)));
        members.Add(("unchecked_lines", JsonValue.Of(report.UncheckedLines)));
        return JsonValue.Object(members);
    }

    public static string Entries(long count) => count == 1 ? "entry" : "entries";
}
