using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Signing;

/// <summary>The build that runs wherever there is a .NET runtime: with libsodium where that can be loaded, else it signs with BouncyCastle and verifies nothing.</summary>
internal static class PortableBuild
{
    /// <summary>What a person is told who signs, and who looks at `doctor`.</summary>
    public const string SignsOtherwise = "libsodium cannot be loaded here, so BouncyCastle signs, and nothing is verified";

    /// <summary>Set by the build (qwamosctl.csproj). A constant, false, where this is compiled ahead of time.</summary>
    [FeatureSwitchDefinition("Qwamos.IsPortable")]
    private static bool IsThis => AppContext.TryGetSwitch("Qwamos.IsPortable", out var isOn) && isOn;

    /// <summary>Chooses what signs; to be called first.</summary>
    public static void ChooseSigner()
    {
        if (IsThis)
            WithoutLibsodium.SignBy(seed => new BouncyCastleSigner(seed), new BouncyCastleSealing());
    }
}
