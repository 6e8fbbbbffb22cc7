using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// The witnesses that an auditor trusts, and how many of them must have cosigned a checkpoint. Each public key counts once, whatever names it has
/// (ATTACKS 3).
/// </summary>
public sealed class WitnessQuorum
{
    private readonly IReadOnlyList<CosignatureKey> _witnesses;

    private WitnessQuorum(IReadOnlyList<CosignatureKey> witnesses, int needed)
    {
        _witnesses = witnesses;
        Needed = needed;
    }

    /// <summary>How many must have cosigned: 1 up to the number of witnesses.</summary>
    public int Needed { get; }

    /// <summary>Reads a file of witnesses: a verifier key of type 0x04 a line; empty lines and those that begin with # say nothing.</summary>
    /// <param name="content">The file.</param>
    /// <param name="needed">How many must have cosigned; null for all of them.</param>
    /// <param name="quorum">The witnesses.</param>
    /// <param name="fault">Which line is wrong, or why the number cannot be.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> content, int? needed, [NotNullWhen(true)] out WitnessQuorum? quorum, [NotNullWhen(false)] out string? fault)
    {
        quorum = null;
        List<CosignatureKey> witnesses = [];
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(content).Split('\n').Select(line => line.Trim()))
        {
            number++;
            if (line.Length == 0 || line.StartsWith('#'))
                continue;
            if (!CosignatureKey.TryParse(line, out var key, out fault))
                return No($"line {number}: {fault}", out fault);
            if (witnesses.Any(other => other.Public.Id == key.Public.Id))
                return No($"line {number}: the public key stands in an earlier line; one witness counts once", out fault);
            witnesses.Add(key);
        }
        if (witnesses.Count is 0 or > Limits.MaxWitnesses)
            return No($"it names {witnesses.Count} witnesses; 1 to {Limits.MaxWitnesses} are allowed", out fault);
        if (needed is < 1 || needed > witnesses.Count)
            return No($"a quorum of {needed} cannot be: it names {witnesses.Count}", out fault);
        quorum = new WitnessQuorum(witnesses, needed ?? witnesses.Count);
        fault = null;
        return true;
    }

    /// <summary>Who of them cosigned a checkpoint, and when (unix seconds, by the witness's clock).</summary>
    /// <param name="bytes">The signed note.</param>
    /// <param name="checkpoint">What it was opened as.</param>
    /// <param name="cosigned">The witnesses whose lines hold.</param>
    /// <param name="fault">A witness's line does not hold, or who is missing when they are too few.</param>
    public bool IsMet(
        ReadOnlySpan<byte> bytes, Checkpoint checkpoint, out IReadOnlyList<(CosignatureKey Witness, long TimeSeconds)> cosigned, [NotNullWhen(false)] out string? fault)
    {
        List<(CosignatureKey, long)> found = [];
        List<CosignatureKey> missing = [];
        cosigned = found;
        if (!SignedNote.TryParse(bytes, out var note, out fault))
            return false;
        if (note.Text != checkpoint.ToText())
            return No("it was changed while it was read", out fault);
        foreach (var witness in _witnesses)
        {
            if (!note.Signatures.Any(witness.IsMine))
                missing.Add(witness);
            else if (witness.TryReadTime(note, out var time, out fault))
                found.Add((witness, time));
            else
                return false;
        }
        fault = found.Count >= Needed
            ? null
            : $"{found.Count} of the {Needed} witnesses that must have cosigned it did; missing: {string.Join(", ", missing.Select(witness => witness.Name))}";
        return fault is null;
    }

    private static bool No(string why, out string fault)
    {
        fault = why;
        return false;
    }
}
