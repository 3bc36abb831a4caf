// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// A contract account whose one key signs for it (ERC-1271). It accepts any `v` and either `s`, as many wallets do.
contract TestSmartWallet {
    address public immutable keyHolder;

    constructor(address keyHolder_) {
        keyHolder = keyHolder_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer != address(0) && signer == keyHolder ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// Deploys such wallets at an address known beforehand, which is what an ERC-6492 signature needs.
contract TestSmartWalletFactory {
    function addressOf(address keyHolder, bytes32 salt) public view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(TestSmartWallet).creationCode, abi.encode(keyHolder)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, code)))));
    }

    function create(address keyHolder, bytes32 salt) external returns (address) {
        if (addressOf(keyHolder, salt).code.length > 0) return addressOf(keyHolder, salt);
        return address(new TestSmartWallet{salt: salt}(keyHolder));
    }
}
