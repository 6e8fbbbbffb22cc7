using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// The verifier's anchor (DESIGN section 4): the operator's public key, exactly 32 raw bytes in <c>/etc/qwamos/dom0.pub</c>, root's. Without it
/// nothing starts and the boot applies nothing.
/// </summary>
public static class Anchor
{
    /// <param name="fallbackKeyHome">
    /// The key home of the invoking user, or null. Taken only under <c>--root</c>, and only when the anchor is absent: an anchor that exists and is
    /// bad stops the start.
    /// </param>
    /// <param name="isGateway">Whose command the fault shows: gateway-policyd's, which is given Dom0's system ID, or qwamosd's.</param>
    public static bool TryLoad(
        SystemPaths paths,
        string? fallbackKeyHome,
        [NotNullWhen(true)] out VerifyingKey? key,
        [NotNullWhen(false)] out AnchorFault? fault,
        bool isGateway = false)
    {
        string path = paths.AnchorFile;
        if (Posix.IsAbsent(path))
        {
            if (paths.IsTrial && fallbackKeyHome is not null && new KeyHome(fallbackKeyHome).TryLoadPublic(out key, out _))
            {
                fault = null;
                return true;
            }

            key = null;
            fault = new AnchorFault(
                IsAbsent: true, $"{SafeText.ForTerminal(path)} does not exist: no key is enrolled; run{(paths.IsTrial ? "" : " as root")}: {EnrolLine(paths, isGateway)}{WhereHexIs(isGateway)}");
            return false;
        }

        string? text = ReadTrusted(paths, isGateway, out key);
        fault = text is null ? null : new AnchorFault(IsAbsent: false, text);
        return key is not null;
    }

    private static string? ReadTrusted(SystemPaths paths, bool isGateway, out VerifyingKey? key)
    {
        key = null;
        if (!SafePath.TryCheckTrusted(paths.AnchorFile, paths, PathRules.TrustedFile, out string? fault))
            return fault;
        Span<byte> raw = stackalloc byte[VerifyingKey.SizeBytes];
        string mend = $"enrol the right one: {EnrolLine(paths, isGateway)} --replace{WhereHexIs(isGateway)}";
        if (KeyFile.Read(paths.AnchorFile, KeyFileRules.AnyPublic with { Mend = mend }, raw, out fault) != KeyFileResult.Read)
            return fault;
        return VerifyingKey.TryLoad(raw, out key, out fault)
            ? null
            : $"{SafeText.ForTerminal(paths.AnchorFile)}: {fault}; {mend}";
    }

    /// <summary>The command that enrols a key on this machine.</summary>
    public static string EnrolLine(SystemPaths paths, bool isGateway) =>
        ProposedCommand.Of(paths, isGateway ? "gateway-policyd" : "qwamosd", isGateway ? "enroll FILE --system HEX" : "enroll FILE");

    /// <summary>What HEX in <see cref="EnrolLine"/> is.</summary>
    internal static string WhereHexIs(bool isGateway) => isGateway ? $" (HEX: the content of Dom0's {SystemPaths.Real.SystemIdFile})" : "";
}
