// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import "./TestUsdc.sol";

/// Says yes, moves nothing, writes no Transfer log and still emits AuthorizationUsed.
contract SilentToken is TestUsdc {
    function transfer(address, uint256) external pure override returns (bool) {
        return true;
    }

    function transferFrom(address, address, uint256) external pure override returns (bool) {
        return true;
    }

    /// Never admits a use, so that the same authorization looks fresh for ever.
    function authorizationState(address, bytes32) external pure override returns (bool) {
        return false;
    }

    function transferWithAuthorization(
        address from,
        address,
        uint256,
        uint256,
        uint256,
        bytes32 nonce,
        bytes memory
    ) public override {
        emit AuthorizationUsed(from, nonce);
    }
}

/// Keeps one hundredth of every transfer for its owner: the payee's Transfer log names less than was authorized.
contract FeeToken is TestUsdc {
    function _move(address from, address to, uint256 value) internal override {
        uint256 fee = value / 100;
        super._move(from, to, value - fee);
        super._move(from, owner, fee);
    }
}

/// Writes the Transfer log that was authorized, but gives the payee only 99 of 100.
contract LyingFeeToken is TestUsdc {
    function _move(address from, address to, uint256 value) internal override {
        uint256 fee = value / 100;
        super._move(from, to, value);
        balances[to] -= fee;
        balances[owner] += fee;
    }
}

/// Spends as much gas as its owner has set before it moves anything; more than is given takes all of it.
contract GasBurnerToken is TestUsdc {
    uint256 public gasToBurn;

    function setGasToBurn(uint256 amount) external onlyOwner {
        gasToBurn = amount;
    }

    function _move(address from, address to, uint256 value) internal override {
        uint256 given = gasleft();
        uint256 floor = given > gasToBurn ? given - gasToBurn : 0;
        while (gasleft() > floor) {}
        super._move(from, to, value);
    }
}

/// Lets every simulation pass that names no gas price, and reverts once it is mined.
contract TrapToken is TestUsdc {
    function _move(address from, address to, uint256 value) internal override {
        require(tx.gasprice == 0, "TrapToken: not when it counts");
        super._move(from, to, value);
    }
}
