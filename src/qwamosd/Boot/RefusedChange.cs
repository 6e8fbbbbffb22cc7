namespace Qwamos.Daemon.Boot;

/// <summary>A staged key that is not applied.</summary>
/// <param name="Key">The key.</param>
/// <param name="Index">The ledger's entry.</param>
/// <param name="Why">One sentence.</param>
internal sealed record RefusedChange(string Key, long Index, string Why);
