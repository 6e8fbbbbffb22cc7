namespace Qwamos.ControlBus.Trust;

/// <summary>Who together may sign what.</summary>
/// <param name="Name">1 to 32 of a-z, 0-9 and <c>-</c>, a letter first. <c>root</c> signs the next trust root, and nothing else.</param>
/// <param name="Holders">Their names, distinct.</param>
/// <param name="Threshold">So many of them must sign, from 1 to their number.</param>
/// <param name="Commands">Commands beside <c>set_policy</c> that need a signature, by exact name or beginning and <c>*</c>.</param>
/// <param name="Policy">What <c>set_policy</c> may set.</param>
public sealed record Role(string Name, IReadOnlyList<string> Holders, int Threshold, IReadOnlyList<string> Commands, IReadOnlyList<PolicyGrant> Policy)
{
    /// <summary>The role that signs the next trust root.</summary>
    public const string Root = "root";

    /// <summary>How many of these holders have the role.</summary>
    public int Count(IReadOnlyCollection<string> holders)
    {
        int count = 0;
        for (int i = 0; i < Holders.Count; i++)
            count += holders.Contains(Holders[i]) ? 1 : 0;
        return count;
    }

    /// <summary>Whether these holders together are enough.</summary>
    public bool IsMetBy(IReadOnlyCollection<string> holders) => Count(holders) >= Threshold;
}
