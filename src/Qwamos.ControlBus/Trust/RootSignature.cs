using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Trust;

/// <summary>A signature under a trust root: 64 bytes, Ed25519.</summary>
public readonly record struct RootSignature(KeyId Key, ReadOnlyMemory<byte> Bytes);
