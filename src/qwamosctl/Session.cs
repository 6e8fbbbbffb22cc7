using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client;

/// <summary>What one run of the program was told: where things are, and how to speak.</summary>
internal sealed record Session(Terminal Terminal, SystemPaths Paths, string? Home, string SocketPath, bool Json)
{
    public int Fail(Failure failure) => failure.Report(Terminal, Json);

    /// <summary>Unix seconds by this machine's clock.</summary>
    public long Now => Terminal.Clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>This system's schema, or the built-in one.</summary>
    public bool TryLoadSchema(out PolicySchema schema, out Failure failure)
    {
        failure = null!;
        if (PolicySchema.TryLoadFor(Paths, out schema!, out var fault))
            return true;
        failure = new Failure(ExitCode.Refused, fault);
        return false;
    }
}
