namespace Qwamos.ControlBus.Keys;

/// <summary>The type byte that goes into a key ID (DESIGN section 4).</summary>
public enum KeyType : byte
{
    Ed25519 = 0x01,
    MlDsa65 = 0x02,
}
